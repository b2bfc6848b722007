"use strict";
// The gallery of a run: pictures under their labels.
const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1 });
const kinds = ["named", "unsure", "failed"];
const kindOfGallery = {
  all: "all labels",
  describe(row) {
    row.kind = row.error ? "failed" : row.labels.length ? "named" : "unsure";
    [row.name, row.score] = row.labels[0] ?? [row.kind, 0];
    row.heading = row.name;
    row.key = row.choice = row.kind === "named" ? `named ${row.name}` : row.kind; // no label can be called like the others
  },
  compareGroups: (a, b) =>
    kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || b.count - a.count || compareNames(a.name, b.name),
  choiceText: (choice) => choice.replace(/^named /, ""),
  scoreText: (row) => (row.kind === "named" ? percent.format(row.score) : ""),
  rangeText: (value) => `${value}\u00a0%`,
  title: (row) => shorten(row.name),
  beside: (row) => [row.heat, row.seen ?? "", row.heat ? `heat map of what speaks for ${shorten(row.seen)}` : ""],
  fillDetails: (row) => byId["large-labels"].replaceChildren(...row.labels.map(barOf)),
};

function barOf([name, score]) {
  const item = document.createElement("li");
  const bar = item.appendChild(document.createElement("span"));
  const text = item.appendChild(document.createElement("span")).appendChild(document.createElement("bdi"));
  const share = item.appendChild(document.createElement("span"));
  bar.className = "bar";
  bar.style.width = `${100 * score}%`;
  text.textContent = name;
  share.className = "score";
  share.textContent = percent.format(score);
  return item;
}

