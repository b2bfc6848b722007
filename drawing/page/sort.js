"use strict";
// A click on a column's heading sorts its table, a second one the other way round. Without scripts the tables stay as they are.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sortBy(table, headings, column));
  });
}

function sortBy(table, headings, column) {
  const heading = headings[column];
  const numeric = !heading.classList.contains("text");
  const before = heading.getAttribute("aria-sort");
  const descending = before ? before === "ascending" : numeric;
  for (const other of headings) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  const compare = numeric
    ? (a, b) => Number(key(a)) - Number(key(b))
    : (a, b) => key(a).localeCompare(key(b), undefined, { numeric: true });
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort((a, b) => (descending ? compare(b, a) : compare(a, b))));
}

// Above the galleries of a section: choose a label, an answer, or both, and only pictures and rows of these stay.
// Long lists show their first pictures until then.
for (const place of document.querySelectorAll(".filter")) {
  const section = place.closest("section");
  const parts = [...section.querySelectorAll("[data-true]")];
  const pictures = [...section.querySelectorAll("li[data-wrong]")];
  const label = chooser("label", "true");
  const answer = chooser("answer", "predicted");
  const all = document.createElement("button");
  all.type = "button";
  const count = document.createElement("output");
  let shownAll = false;
  all.addEventListener("click", () => { shownAll = true; show(); });
  place.append(label.parentElement, answer.parentElement, count, all);
  place.hidden = pictures.length === 0;
  show();

  function chooser(title, key) {
    const counts = new Map();
    for (const part of pictures) counts.set(part.dataset[key], (counts.get(part.dataset[key]) ?? 0) + 1);
    const select = document.createElement("select");
    select.append(new Option(`every ${title}`, ""));
    const names = [...counts.keys()].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
    names.forEach((name) => select.append(new Option(`${name} (${counts.get(name)})`, `=${name}`)));
    select.addEventListener("change", show);
    const around = document.createElement("label");
    around.append(`${title} `, select);
    return select;
  }

  function show() {
    const free = !label.value && !answer.value;
    const fits = (part) => (!label.value || label.value === `=${part.dataset.true}`)
      && (!answer.value || answer.value === `=${part.dataset.predicted}`);
    for (const part of parts) part.hidden = !fits(part) || (free && !shownAll && "more" in part.dataset);
    for (const group of section.querySelectorAll(".group, .filtered")) {
      group.hidden = ![...group.querySelectorAll("[data-true]")].some((part) => !part.hidden);
    }
    const shown = pictures.filter((part) => !part.hidden).length;
    count.textContent = `${shown} of the ${pictures.length} most confident mistakes shown`;
    all.textContent = `show all ${pictures.length}`;
    all.hidden = !free || shown === pictures.length;
  }
}
