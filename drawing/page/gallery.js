// A gallery: groups of small pictures, to filter, to sort and to look at. What differs between galleries, `kindOfGallery`,
// comes before this. Rows come from the page itself; all that is in them is put into the page as text, and never as HTML.
const rows = JSON.parse(document.getElementById("rows").textContent);
const byId = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
const { label, words, from, to, sort, grouped, heat, large } = byId;
const address = byId.groups.dataset.address;
const pattern = byId.tile.content.firstElementChild;
const number = new Intl.NumberFormat("en");
const compareNames = new Intl.Collator(undefined, { numeric: true }).compare;
const orders = {
  falling: (a, b) => b.score - a.score,
  rising: (a, b) => a.score - b.score,
  path: (a, b) => a.rank - b.rank,
  order: (a, b) => a.index - b.index,
};
let shown = []; // rows in the order of their tiles
let current = 0; // the one in the large view

const groups = new Map(); // of all rows, by their keys
const choices = new Map(); // numbers of pictures of what can be chosen to be seen alone
rows.forEach((row, index) => {
  row.index = index;
  kindOfGallery.describe(row); // its kind, name, score, key and heading of its group, and the choice that it belongs to
  row.lower = row.path.toLowerCase();
  if (!groups.has(row.key)) groups.set(row.key, { name: row.heading, kind: row.kind, count: 0, choice: row.choice });
  groups.get(row.key).count++;
});
[...rows].sort((a, b) => compareNames(a.path, b.path)).forEach((row, rank) => { row.rank = rank; });
const ordered = [...groups].sort(([, a], [, b]) => kindOfGallery.compareGroups(a, b));
for (const [, { choice, count }] of ordered) choices.set(choice, (choices.get(choice) ?? 0) + count);
label.append(new Option(`all (${number.format(rows.length)})`, ""));
for (const [choice, count] of choices) {
  label.append(new Option(`${shorten(kindOfGallery.choiceText(choice))} (${number.format(count)})`, choice));
}
if (heat) byId["heat-choice"].hidden = !rows.some((row) => row.heat);

function shorten(text) {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function source(file) {
  return file.startsWith("data:") ? file : address + file;
}

function tileOf(row) {
  const item = pattern.cloneNode(true);
  const tile = item.firstElementChild;
  const [picture, gone, caption] = tile.children;
  tile.classList.add(row.kind);
  tile.dataset.index = row.index;
  if (row.picture) gone.remove();
  else {
    picture.remove();
    gone.textContent = row.error ? shorten(row.error) : "cannot be shown";
  }
  caption.querySelector(".name").textContent = shorten(row.name);
  caption.querySelector(".score").textContent = kindOfGallery.scoreText(row);
  caption.querySelector(".file").textContent = fileName(row);
  if (row.about) caption.append(aboutOf(row));
  tile.title = row.path.slice(-1000);
  return item;
}

function fileName(row) {
  return row.path.split(/[\\/]/).at(-1).slice(-100);
}

function aboutOf(row) {
  const about = document.createElement("span");
  about.className = "file";
  about.textContent = row.about;
  return about;
}

function showPicture(row) {
  const picture = row.picture && row.item.querySelector("img");
  if (picture) picture.src = source(heat?.checked && row.heat ? row.heat : row.picture);
}

function update() {
  const least = from.value === "0" ? -Infinity : Number(from.value) / 100; // a cosine may be below 0
  const most = Number(to.value) / 100;
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const isFound = (row) =>
    (!label.value || row.choice === label.value) && row.score >= least && row.score <= most
    && wanted.every((word) => row.lower.includes(word));
  const keys = new Set(rows.filter(isFound).map((row) => row.key)); // of groups, which keep what they are around
  const found = rows.filter((row) => isFound(row) || (row.kind === "anchor" && keys.has(row.key)));
  found.sort(orders[sort.value]);
  const parts = grouped.checked ? ordered.map(([key, { name }]) => [name, key]) : [[kindOfGallery.all, null]];
  const members = new Map(ordered.map(([key]) => [key, []]));
  for (const row of found) members.get(row.key).push(row);
  const sections = parts.map(([name, key]) => [name, key === null ? found : members.get(key)]);
  shown = sections.flatMap(([, some]) => some);
  byId.groups.replaceChildren(...sections.filter(([, some]) => some.length).map(([name, some]) => sectionOf(name, some)));
  byId.found.textContent = `${number.format(shown.length)} of ${number.format(rows.length)} pictures`;
}

function sectionOf(name, some) {
  const section = document.createElement("section");
  const heading = document.createElement("h2");
  const text = document.createElement("bdi");
  const count = document.createElement("span");
  const list = document.createElement("ul");
  text.textContent = text.title = shorten(name);
  count.textContent = ` ${number.format(some.length)}`;
  count.className = "soft";
  list.className = "tiles";
  heading.append(text, count);
  for (const row of some) {
    if (!row.item) {
      row.item = tileOf(row);
      showPicture(row);
    }
    list.append(row.item);
  }
  section.style.setProperty("--pictures", some.length);
  section.append(heading, list);
  return section;
}

let waiting = 0;
function updateSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(update, 120);
}

function showScores() {
  for (const range of [from, to]) {
    range.nextElementSibling.textContent = kindOfGallery.rangeText(range.value);
    range.setAttribute("aria-valuetext", kindOfGallery.rangeText(range.value));
  }
}

for (const choice of [label, sort, grouped]) choice.addEventListener("change", update);
words.addEventListener("input", updateSoon);
for (const range of [from, to]) {
  range.addEventListener("input", () => {
    if (Number(from.value) > Number(to.value)) (range === from ? to : from).value = range.value;
    showScores();
    updateSoon();
  });
}
heat?.addEventListener("change", () => rows.forEach((row) => row.item && showPicture(row)));
byId.reset.addEventListener("click", () => {
  label.value = words.value = "";
  [from.value, to.value] = [0, 100];
  showScores();
  update();
});
byId.groups.addEventListener("click", (event) => {
  const tile = event.target.closest(".tile");
  if (tile) open(shown.indexOf(rows[tile.dataset.index]));
});
byId.groups.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const tile = event.target.closest(".tile");
  if (!step || !tile) return;
  event.preventDefault();
  shown[shown.indexOf(rows[tile.dataset.index]) + step]?.item.firstElementChild.focus();
});
byId.groups.addEventListener("error", () => { if (byId.missing) byId.missing.hidden = false; }, true);

function open(place) {
  show(place);
  if (!large.open) large.showModal();
}

function show(place) {
  if (place < 0 || place >= shown.length) return;
  current = place;
  const row = shown[place];
  fill(byId["large-picture"], row.picture, `${shorten(row.name)}, ${row.path.slice(-200)}`);
  byId["large-none"].hidden = Boolean(row.picture);
  byId["large-none"].textContent = "cannot be shown";
  const [beside, name, alt] = kindOfGallery.beside(row);
  fill(byId["large-heat"], beside, alt);
  byId["large-seen"].hidden = !beside;
  byId.seen.textContent = name;
  byId["large-name"].firstElementChild.textContent = kindOfGallery.title(row);
  kindOfGallery.fillDetails(row);
  byId["large-error"].hidden = !row.error;
  byId["large-error"].textContent = row.error;
  byId["large-path"].textContent = row.path;
  byId["large-link"].parentElement.hidden = !row.link;
  if (row.link) byId["large-link"].href = row.link;
  byId.place.textContent = `${number.format(place + 1)} of ${number.format(shown.length)}`;
  byId.previous.ariaDisabled = place === 0; // with `disabled` it would lose the focus, and the keys with it
  byId.next.ariaDisabled = place === shown.length - 1;
}

function fill(image, file, text) {
  image.hidden = !file;
  image.alt = text;
  if (file) image.src = source(file);
  else image.removeAttribute("src");
}

byId.previous.addEventListener("click", () => show(current - 1));
byId.next.addEventListener("click", () => show(current + 1));
byId.close.addEventListener("click", () => large.close());
large.addEventListener("click", (event) => { if (event.target === large) large.close(); });
large.addEventListener("keydown", (event) => {
  const place = { ArrowLeft: current - 1, ArrowRight: current + 1, Home: 0, End: shown.length - 1 }[event.key];
  if (place === undefined) return;
  event.preventDefault();
  show(place);
});
large.addEventListener("close", () => shown[current]?.item.firstElementChild.focus());

showScores();
update();
