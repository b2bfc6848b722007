"use strict";
// The gallery of what find_similar.py found: groups around a query, or around the best of duplicates.
const anchors = new Map(); // the row of a group that the others are compared with
const kindOfGallery = {
  all: "all groups",
  describe(row) {
    row.kind = row.error ? "failed" : row.kind;
    row.key = row.group;
    if (row.kind === "anchor" && !anchors.has(row.group)) anchors.set(row.group, row);
  },
  compareGroups: () => 0, // as they come
  choiceText: (choice) => choice,
  scoreText: (row) => (row.kind === "named" ? row.score.toFixed(3) : ""),
  rangeText: (value) => (value / 100).toFixed(2),
  title: (row) => fileName(row),
  beside(row) {
    const anchor = anchors.get(row.group);
    return anchor && anchor !== row ? [anchor.picture, `${anchor.name}: ${fileName(anchor)}`, `${anchor.name}, ${anchor.path.slice(-200)}`] : ["", "", ""];
  },
  fillDetails(row) {
    byId["large-about"].textContent = [row.name, row.kind === "named" && `similarity ${row.score.toFixed(3)}`, row.about]
      .filter(Boolean).join(" · ");
  },
};

