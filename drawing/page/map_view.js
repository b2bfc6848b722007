// What one can do with the map: move and zoom, filter, and look at a picture.

function zoom(factor, x = size.width / 2, y = size.height / 2) {
  const scale = Math.min(CLOSEST * wholeScale(), Math.max(wholeScale() / 2, view.scale * factor));
  view.x += (x - size.width / 2) * (1 / view.scale - 1 / scale); // what is under the pointer stays there
  view.y += (y - size.height / 2) * (1 / view.scale - 1 / scale);
  view.scale = scale;
  drawSoon();
}

function move(right, down) {
  view.x = Math.min(extent.x, Math.max(0, view.x + right / view.scale));
  view.y = Math.min(extent.y, Math.max(0, view.y + down / view.scale));
  drawSoon();
}

// Pointers: one drags or taps, two zoom.

const pointers = new Map();
let travelled = 0; // pixels, since the pointer came down

function placeOf(event) {
  const box = canvas.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  if (!pointers.size) travelled = 0;
  pointers.set(event.pointerId, placeOf(event));
});
canvas.addEventListener("pointermove", (event) => {
  const now = placeOf(event);
  const before = pointers.get(event.pointerId);
  if (!before) {
    if (event.pointerType === "mouse") point(rowAt(now.x, now.y));
    return;
  }
  const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
  travelled += Math.hypot(now.x - before.x, now.y - before.y);
  move((before.x - now.x) / pointers.size, (before.y - now.y) / pointers.size);
  if (others.length === 1) {
    const apart = (place) => Math.max(1, Math.hypot(place.x - others[0].x, place.y - others[0].y));
    zoom(apart(now) / apart(before), (now.x + others[0].x) / 2, (now.y + others[0].y) / 2);
  }
  pointers.set(event.pointerId, now);
});
for (const end of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(end, (event) => {
    const place = pointers.get(event.pointerId);
    pointers.delete(event.pointerId);
    if (end === "pointerup" && place && travelled < 6) choose(rowAt(place.x, place.y));
  });
}
canvas.addEventListener("pointerleave", () => point(null));
canvas.addEventListener("dblclick", (event) => zoom(2, placeOf(event).x, placeOf(event).y));
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
  const place = placeOf(event);
  zoom(Math.exp(-Math.max(-300, Math.min(300, event.deltaY * lines)) / 300), place.x, place.y);
}, { passive: false });

const STEP = 80; // pixels, of an arrow key
const keys = {
  ArrowLeft: () => move(-STEP, 0),
  ArrowRight: () => move(STEP, 0),
  ArrowUp: () => move(0, -STEP),
  ArrowDown: () => move(0, STEP),
  "+": () => zoom(1.5),
  "=": () => zoom(1.5),
  "-": () => zoom(1 / 1.5),
  0: showWhole,
  Home: showWhole,
  Enter: () => choose(nearestTo(size.width / 2, size.height / 2, Infinity)),
};
canvas.addEventListener("keydown", (event) => {
  const act = !event.ctrlKey && !event.metaKey && !event.altKey && keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
stage.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !chosen) return;
  choose(null);
  canvas.focus();
});
byId.nearer.addEventListener("click", () => zoom(1.5));
byId.farther.addEventListener("click", () => zoom(1 / 1.5));
byId.whole.addEventListener("click", showWhole);
byId.close.addEventListener("click", () => {
  choose(null);
  canvas.focus();
});

// The card shows the picture under the pointer, or else the one that was chosen.

function point(row) {
  if (row === pointed) return;
  pointed = row;
  showCard(pointed ?? chosen);
  canvas.style.cursor = row ? "pointer" : "";
  drawSoon();
}

function choose(row) {
  chosen = row;
  pointed = null;
  showCard(row);
  drawSoon();
}

function goTo(row) {
  view.scale = Math.max(view.scale, 4 * wholeScale());
  [view.x, view.y] = [row.x, row.y + size.height / 5 / view.scale]; // above the card
  choose(row);
}

function shorten(text) {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function fileName(row) {
  return row.path.split(/[\\/]/).at(-1).slice(-100);
}

function showCard(row) {
  byId.card.hidden = !row;
  if (!row) return;
  byId.card.classList.toggle("above", screenY(row) > size.height / 2); // not over the picture itself
  byId.card.classList.toggle("passing", row !== chosen);
  fill(byId["card-picture"], row, row.path.slice(-200));
  byId["card-dot"].style.background = colorOf(row.label);
  byId["card-label"].textContent = shorten(names[row.label]);
  byId["card-odd"].textContent = oddText(row);
  byId["card-odd"].hidden = !isOdd(row);
  byId["card-path"].textContent = row.path;
  byId["card-link"].hidden = !row.link;
  if (row.link) byId["card-link"].href = row.link;
  byId.close.hidden = byId["card-near"].hidden = row !== chosen;
  if (row === chosen) byId.strip.replaceChildren(...row.near.map((place) => neighbour(rows[place])));
}

function fill(image, row, text) {
  const address = source(row);
  image.hidden = !address;
  image.alt = text;
  if (address) image.src = address;
  else image.removeAttribute("src");
}

function neighbour(row) {
  const item = byId.neighbour.content.firstElementChild.cloneNode(true);
  const button = item.firstElementChild;
  fill(button.firstElementChild, row, `${shorten(names[row.label])}, ${fileName(row)}`);
  button.style.borderColor = colorOf(row.label);
  button.title = row.path.slice(-1000);
  button.addEventListener("click", () => {
    if (!isOnScreen(row)) [view.x, view.y] = [row.x, row.y];
    choose(row);
    byId.close.focus();
  });
  return item;
}

function oddText(row) {
  if (row.wrong === undefined) return row.alone === undefined ? "" : "least like any other";
  return `its neighbours: ${shorten(names[row.wrong])}`;
}

// What is odd, and the legend.

const MOST_LISTED = 500;

function listOdd() {
  const listed = [
    ...rows.filter((row) => row.wrong !== undefined).sort((a, b) => a.rank - b.rank),
    ...rows.filter((row) => row.wrong === undefined && row.alone !== undefined).sort((a, b) => a.alone - b.alone),
  ];
  byId.odd.hidden = !listed.length;
  byId.odd.querySelector("summary").textContent = `Odd ones (${number.format(listed.length)})`;
  byId["odd-list"].replaceChildren(...listed.slice(0, MOST_LISTED).map((row) => {
    const item = byId.entry.content.firstElementChild.cloneNode(true);
    const button = item.firstElementChild;
    const [name, file] = button.querySelectorAll("bdi");
    fill(button.firstElementChild, row, "");
    name.textContent = row.wrong === undefined ? oddText(row) : `${shorten(names[row.label])}; ${oddText(row)}`;
    file.textContent = fileName(row);
    button.title = row.path.slice(-1000);
    button.addEventListener("click", () => goTo(row));
    return item;
  }));
}

function listLabels() {
  const counts = names.map(() => 0);
  for (const row of rows) counts[row.label]++;
  byId.legend.hidden = names.length < 2;
  byId.legend.querySelector("summary").textContent = `Folders (${number.format(names.length)})`;
  const order = names.map((_name, label) => label).sort((a, b) => counts[b] - counts[a] || a - b);
  byId["labels-list"].replaceChildren(...order.map((label) => {
    const item = byId.label.content.firstElementChild.cloneNode(true);
    const [box, dot, name, count] = item.firstElementChild.children;
    box.checked = isShown[label];
    box.addEventListener("change", () => {
      isShown[label] = box.checked;
      filter();
    });
    dot.style.background = colorOf(label);
    name.textContent = name.title = shorten(names[label]);
    count.textContent = number.format(counts[label]);
    return item;
  }));
}

function filter() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  active = rows.filter((row) => isShown[row.label] && wanted.every((word) => row.lower.includes(word)));
  odd = active.filter(isOdd);
  byId.found.textContent = `${number.format(active.length)} of ${number.format(rows.length)} pictures`;
  if (chosen && !active.includes(chosen)) choose(null);
  drawSoon();
}

for (const [id, isOn] of [["all", true], ["none", false]]) {
  byId[id].addEventListener("click", () => {
    isShown.fill(isOn);
    for (const box of byId["labels-list"].querySelectorAll("input")) box.checked = isOn;
    filter();
  });
}
let soon = 0;
words.addEventListener("input", () => {
  clearTimeout(soon);
  soon = setTimeout(filter, 120);
});
copies.addEventListener("change", drawSoon);
byId["copies-choice"].hidden = !rows.some(hasCopy);
dark.addEventListener("change", () => {
  listLabels();
  drawSoon();
});
if (innerWidth < 800) byId.odd.open = byId.legend.open = false;
new ResizeObserver(() => {
  [size.width, size.height] = [stage.clientWidth, stage.clientHeight];
  if (view.scale < wholeScale() / 2) showWhole();
  placed.level = null;
  drawSoon();
}).observe(stage);
listOdd();
listLabels();
filter();
showWhole();
