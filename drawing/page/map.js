"use strict";
// The map's drawing. Rows come from the page itself; all that is in them is put into the page as text, and never as HTML.
const rows = JSON.parse(document.getElementById("rows").textContent);
const names = JSON.parse(document.getElementById("labels").textContent);
const byId = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
const { canvas, stage, words, copies } = byId;
const { address } = stage.dataset;
const [tile, tiles] = [stage.dataset.tile, stage.dataset.tiles].map(Number); // pixels, and how many are in a line
const paint = canvas.getContext("2d");
const number = new Intl.NumberFormat("en");
const dark = matchMedia("(prefers-color-scheme: dark)");
const MARGIN = 48; // around all of the map, pixels
const CLOSEST = 300; // times the scale at which all is seen
const REACH = 16; // pixels from a point that still touch it
const size = { width: stage.clientWidth, height: stage.clientHeight }; // of the map's window; asking each time is slow
const view = { x: 0.5, y: 0.5, scale: 1 }; // what is in the middle, and the pixels of a map's unit
const isShown = names.map(() => true); // labels, by the legend
let active = rows; // those that the filters let through
let odd = []; // of them
let chosen = null;
let pointed = null; // under the pointer
let placed = { level: null, list: [] }; // small pictures that have room, in the order in which they are drawn
let waiting = 0;

rows.forEach((row, index) => {
  row.index = index;
  row.lower = row.path.toLowerCase();
});

function colorOf(label) {
  if (names.length === 1) return variable("--accent");
  const lightness = dark.matches ? [64, 76, 55] : [45, 34, 58];
  return `hsl(${(label * 137.508) % 360} 62% ${lightness[label % 3]}%)`; // by the golden angle: neighbours in the list differ
}

function variable(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name);
}

function source(row) {
  return row.picture ? addressOf(row.picture) : row.link;
}

function addressOf(copy) {
  return copy.startsWith("data:") ? copy : address + copy;
}

function hasCopy(row) {
  return Boolean(row.picture || row.ratio);
}

function screenX(row) {
  return (row.x - view.x) * view.scale + size.width / 2;
}

function screenY(row) {
  return (row.y - view.y) * view.scale + size.height / 2;
}

function isOnScreen(row, margin = 0) {
  const [x, y] = [screenX(row), screenY(row)];
  return x > -margin && y > -margin && x < size.width + margin && y < size.height + margin;
}

function wholeScale() {
  return Math.max(50, Math.min(...["x", "y"].map((axis) => {
    const room = (axis === "x" ? size.width : size.height) - 2 * MARGIN;
    return room / Math.max(1e-6, extent[axis]);
  })));
}

const extent = { x: 0, y: 0 }; // of the map, from 0; not Math.max(...), which takes no 100,000 arguments
for (const row of rows) {
  extent.x = Math.max(extent.x, row.x);
  extent.y = Math.max(extent.y, row.y);
}

function showWhole() {
  [view.x, view.y, view.scale] = [extent.x / 2, extent.y / 2, wholeScale()];
  drawSoon();
}

function drawSoon() {
  if (!waiting) waiting = requestAnimationFrame(draw);
}

function draw() {
  waiting = 0;
  const ratio = Math.min(devicePixelRatio, 2);
  const [width, height] = [size.width, size.height].map((side) => Math.round(side * ratio));
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  paint.setTransform(ratio, 0, 0, ratio, 0, 0);
  paint.clearRect(0, 0, width, height);
  drawDots();
  if (chosen) drawLines();
  if (copies.checked) drawCopies();
  drawRings();
}

function dotRadius() {
  return Math.max(1.5, Math.min(7, 60 / Math.sqrt(rows.length) * Math.sqrt(view.scale / wholeScale())));
}

function drawDots() {
  const radius = dotRadius();
  const ofLabel = names.map(() => []);
  for (const row of active) if (isOnScreen(row, radius)) ofLabel[row.label].push(row);
  ofLabel.forEach((some, label) => {
    if (!some.length) return;
    paint.fillStyle = colorOf(label);
    paint.beginPath();
    for (const row of some) {
      const [x, y] = [screenX(row), screenY(row)];
      if (radius < 2) paint.rect(x - radius, y - radius, 2 * radius, 2 * radius);
      else {
        paint.moveTo(x + radius, y);
        paint.arc(x, y, radius, 0, 2 * Math.PI);
      }
    }
    paint.fill();
  });
}

function drawLines() {
  paint.strokeStyle = variable("--soft");
  paint.lineWidth = 1;
  paint.beginPath();
  for (const other of chosen.near) {
    paint.moveTo(screenX(chosen), screenY(chosen));
    paint.lineTo(screenX(rows[other]), screenY(rows[other]));
  }
  paint.stroke();
}

function levelOfZoom() {
  return Math.floor(2 * Math.log2(view.scale / wholeScale()) + 1e-6);
}

function sideOfCopies() {
  const [least, most] = size.width < 600 ? [36, 90] : [46, 130];
  return Math.max(least, Math.min(most, least * 2 ** (levelOfZoom() / 4)));
}

// Small pictures get room in the order of the rows, what is odd first. It depends on the zoom alone, in steps, so that
// they stay where they are while the map is moved.
function placeCopies() {
  const level = levelOfZoom();
  if (placed.level === level && placed.active === active) return placed.list;
  const cell = (sideOfCopies() + 4) / wholeScale() / 2 ** (level / 2);
  const taken = new Map();
  const list = [];
  for (const some of [odd, active]) {
    for (const row of some) {
      if (!hasCopy(row) || (some === active && isOdd(row))) continue;
      const [column, line] = [Math.floor(row.x / cell), Math.floor(row.y / cell)];
      const isFree = [-1, 0, 1].every((down) => [-1, 0, 1].every((right) => {
        const other = taken.get(`${column + right} ${line + down}`);
        return !other || Math.abs(other.x - row.x) >= cell || Math.abs(other.y - row.y) >= cell;
      }));
      if (!isFree) continue;
      taken.set(`${column} ${line}`, row);
      list.push(row);
    }
  }
  placed = { level, active, list };
  return list;
}

function isOdd(row) {
  return row.wrong !== undefined || row.alone !== undefined;
}

function drawCopies() {
  for (const row of placeCopies()) if (isOnScreen(row, sideOfCopies())) drawCopy(row, sideOfCopies());
  if (chosen && hasCopy(chosen)) drawCopy(chosen, sideOfCopies());
}

function drawCopy(row, side) {
  const { image, from, ratio } = copyOf(row);
  if (!image.complete || !image.naturalWidth) return;
  const [width, height] = [side * Math.min(1, ratio), side / Math.max(1, ratio)];
  const [left, top] = [screenX(row) - width / 2, screenY(row) - height / 2];
  paint.fillStyle = colorOf(row.label);
  paint.fillRect(left - 2, top - 2, width + 4, height + 4);
  paint.drawImage(image, ...from, left, top, width, height);
}

// Where a row's small copy is: an image of its own, or a tile of a sheet, which is as high as it is wide.
function copyOf(row) {
  if (row.picture) {
    const image = imageOf(row, row.picture);
    const [width, height] = [image.naturalWidth, image.naturalHeight];
    return { image, from: [0, 0, width, height], ratio: width / height };
  }
  const place = row.index % tiles ** 2;
  const first = rows[row.index - place];
  const [left, top] = [place % tiles, Math.floor(place / tiles)].map((tilesBefore) => tilesBefore * tile);
  return { image: imageOf(first, first.sheet), from: [left, top, tile, tile], ratio: row.ratio };
}

function imageOf(row, copy) {
  if (!row.image) {
    row.image = new Image();
    row.image.onload = drawSoon;
    row.image.onerror = () => { if (byId.missing) byId.missing.hidden = false; };
    row.image.src = addressOf(copy);
  }
  return row.image;
}

function drawRings() {
  const side = copies.checked ? sideOfCopies() / 2 + 5 : 0;
  const withCopies = new Set(copies.checked ? [...placeCopies(), ...(chosen && hasCopy(chosen) ? [chosen] : [])] : []);
  for (const row of odd) {
    if (isOnScreen(row, 60)) ring(row, withCopies.has(row) ? side : dotRadius() + 4, "--wrong", 2);
  }
  for (const row of [pointed, chosen]) if (row) ring(row, withCopies.has(row) ? side : dotRadius() + 5, "--ink", 3);
}

function ring(row, radius, color, width) {
  paint.strokeStyle = variable(color);
  paint.lineWidth = width;
  paint.beginPath();
  if (radius > 20) paint.roundRect(screenX(row) - radius, screenY(row) - radius, 2 * radius, 2 * radius, 6);
  else paint.arc(screenX(row), screenY(row), radius, 0, 2 * Math.PI);
  paint.stroke();
}

function rowAt(x, y) {
  if (copies.checked) {
    const half = sideOfCopies() / 2;
    const on = placeCopies().find((row) => Math.abs(screenX(row) - x) < half && Math.abs(screenY(row) - y) < half);
    if (on) return on;
  }
  return nearestTo(x, y, REACH);
}

function nearestTo(x, y, reach) {
  let [best, least] = [null, reach ** 2];
  for (const row of active) {
    const distance = (screenX(row) - x) ** 2 + (screenY(row) - y) ** 2;
    if (distance <= least) [best, least] = [row, distance];
  }
  return best;
}

