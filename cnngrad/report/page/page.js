"use strict";
// Draws the pictures from the numbers in #data, and makes buttons and keys work. Nothing is fetched from anywhere.

const LAYERS = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const redraws = []; // what is drawn in a theme's colours is drawn again when it changes

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function shape(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function number(value) {
  return value === null ? "no number" : String(Number(value.toPrecision(6))).replace("-", "\u2212");
}

// Where the cells of an n-dimensional array stand in a plane: the last two axes are an image, images stand side by side.

function arrange(sizes) {
  const [height, width] = [sizes.at(-2) ?? 1, sizes.at(-1) ?? 1];
  const leading = sizes.slice(0, -2);
  const images = leading.reduce((product, size) => product * size, 1);
  const across = leading.length > 1 ? leading.at(-1) : Math.max(1, Math.min(images, Math.floor(32 / width)));
  const places = [];
  for (let image = 0; image < images; image++)
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++)
        places.push({
          row: Math.floor(image / across) * height + row, column: (image % across) * width + column,
          down: Math.floor(image / across), right: image % across,
        });
  return { places, rows: Math.ceil(images / across) * height, columns: Math.min(images, across) * width };
}

function indexOf(cell, picture) {
  const parts = [];
  for (let axis = picture.cells.length - 1; axis >= 0; axis--) {
    const [place, block] = [cell % picture.cells[axis], picture.block[axis]];
    cell = Math.floor(cell / picture.cells[axis]);
    const first = place * block;
    parts.unshift(block === 1 ? `${first}` : `${first}:${Math.min(first + block, picture.shape[axis])}`);
  }
  return parts.length ? `${picture.input}[${parts.join(", ")}]` : picture.input;
}

// Heat maps.

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).split(",").map(Number);
  return { low: of("--low"), mid: of("--mid"), high: of("--high"), none: style.getPropertyValue("--none"),
    ink: style.getPropertyValue("--ink") };
}

function colour(value, most, palette) {
  if (value === null) return palette.none;
  const share = most ? Math.max(-1, Math.min(1, value / most)) : 0;
  const end = share < 0 ? palette.low : palette.high;
  const mixed = palette.mid.map((from, i) => Math.round(from + (end[i] - from) * Math.abs(share)));
  return `rgb(${mixed.join(",")})`;
}

const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value ?? 0)), 0);

function heatMaps(picture) {
  const plan = arrange(picture.cells);
  const gap = 3;
  const side = Math.max(3, Math.min(36, Math.floor(250 / plan.columns), Math.floor(360 / plan.rows)));
  const across = Math.max(...plan.places.map((place) => place.right));
  const down = Math.max(...plan.places.map((place) => place.down));
  const corner = (place) => [place.column * side + place.right * gap, place.row * side + place.down * gap];
  const most = Math.max(largest(picture.claimed), largest(picture.numeric));
  const differs = largest(picture.difference);
  // A difference within the bound is no difference: it is to look pale.
  const kinds = [["claimed", most], ["numeric", most], ["difference", Math.max(differs, largest([picture.bound].flat()))]];
  let chosen = picture.difference.reduce((best, value, i, all) =>
    Math.abs(value ?? 0) > Math.abs(all[best] ?? 0) ? i : best, 0);

  const canvases = kinds.map(() => element("canvas", { width: plan.columns * side + across * gap, height: plan.rows * side + down * gap }));
  const readout = element("p", { class: "readout", role: "status", "aria-live": "polite" });

  function draw() {
    const palette = colours();
    kinds.forEach(([kind, scale], i) => {
      const pen = canvases[i].getContext("2d");
      pen.clearRect(0, 0, canvases[i].width, canvases[i].height);
      plan.places.forEach((place, cell) => {
        pen.fillStyle = colour(picture[kind][cell], scale, palette);
        pen.fillRect(...corner(place), side, side);
      });
      const [left, top] = corner(plan.places[chosen]);
      pen.strokeStyle = palette.ink;
      pen.lineWidth = 2;
      pen.strokeRect(left + 1, top + 1, side - 2, side - 2);
    });
    const bound = Array.isArray(picture.bound) ? picture.bound[chosen] : picture.bound;
    readout.textContent = `${indexOf(chosen, picture)}: claimed ${number(picture.claimed[chosen])}, ` +
      `numeric ${number(picture.numeric[chosen])}, difference ${number(picture.difference[chosen])}` +
      (bound === null ? "" : `, bound ${number(bound)}`);
  }

  function choose(cell) {
    if (cell === undefined || cell < 0 || cell >= plan.places.length) return;
    chosen = cell;
    draw();
  }

  const maps = element("div", { class: "maps", tabindex: "0", role: "application",
    "aria-label": `${picture.input}: claimed, numeric, difference; arrow keys move over ${plan.places.length} cells` });
  kinds.forEach(([kind, scale], i) => {
    const range = picture[kind].every((value) => value === null) ? ": no numbers" :
      kind !== "difference" ? `: \u2212${number(scale)} … ${number(scale)}` :
      differs === 0 ? ": none at all" : `: at most ${number(differs)}`;
    maps.append(element("figure", {}, canvases[i], element("figcaption", {}, kind + range)));
    canvases[i].addEventListener("pointermove", (event) => {
      const box = canvases[i].getBoundingClientRect();
      const x = (event.clientX - box.left) * canvases[i].width / box.width;
      const y = (event.clientY - box.top) * canvases[i].height / box.height;
      choose(plan.places.findIndex((place) => {
        const [left, top] = corner(place);
        return x >= left && x < left + side && y >= top && y < top + side;
      }));
    });
  });
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  maps.addEventListener("keydown", (event) => {
    const here = plan.places[chosen];
    if (event.key === "Home") choose(0);
    else if (event.key === "End") choose(plan.places.length - 1);
    else if (event.key in moves) {
      const [row, column] = [here.row + moves[event.key][0], here.column + moves[event.key][1]];
      const cell = plan.places.findIndex((place) => place.row === row && place.column === column);
      choose(cell < 0 ? undefined : cell);
    } else return;
    event.preventDefault();
  });
  redraws.push(draw);
  draw();
  return [maps, readout];
}

// Plots.

const BOX = { width: 320, height: 220, left: 58, right: 8, top: 8, bottom: 34 };

function frame(label, xs, ys, xTicks, yTicks, xTitle, yTitle) {
  const spread = ([low, high]) => high > low ? [low, high] : [low - 1, high + 1];
  const [[x0, x1], [y0, y1]] = [spread(xs), spread(ys)];
  const x = (value) => BOX.left + (value - x0) / (x1 - x0) * (BOX.width - BOX.left - BOX.right);
  const y = (value) => BOX.height - BOX.bottom - (value - y0) / (y1 - y0) * (BOX.height - BOX.top - BOX.bottom);
  const svg = shape("svg", { viewBox: `0 0 ${BOX.width} ${BOX.height}`, role: "img", "aria-label": label });
  svg.append(shape("path", { class: "axis", d: `M${BOX.left} ${BOX.top}V${BOX.height - BOX.bottom}H${BOX.width - BOX.right}` }));
  for (const [value, text] of xTicks) {
    const anchor = value === x1 ? "end" : value === x0 ? "start" : "middle";
    svg.append(shape("text", { x: x(value), y: BOX.height - BOX.bottom + 13, "text-anchor": anchor }, text));
  }
  for (const [value, text] of yTicks)
    svg.append(shape("text", { x: BOX.left - 5, y: y(value) + 4, "text-anchor": "end" }, text));
  svg.append(shape("text", { x: (BOX.left + BOX.width) / 2, y: BOX.height - 4, "text-anchor": "middle" }, xTitle));
  svg.append(shape("text", { x: 10, y: BOX.height / 2, "text-anchor": "middle", transform: `rotate(-90 10 ${BOX.height / 2})` }, yTitle));
  return { svg, x, y };
}

function scatter(picture) {
  const pairs = picture.claimed.map((claimed, i) => [claimed, picture.numeric[i], picture.difference[i],
    Array.isArray(picture.bound) ? picture.bound[i] : picture.bound]).filter(([a, b]) => a !== null && b !== null);
  if (!pairs.length) return [];
  const all = pairs.flatMap(([claimed, numeric]) => [claimed, numeric]);
  const range = [Math.min(...all), Math.max(...all)];
  const off = pairs.filter(([, , difference, bound]) => !(Math.abs(difference) <= bound)).length;
  const told = `${pairs.length - off} of ${pairs.length} ${picture.block.some((b) => b > 1) ? "cells" : "entries"} on the line`;
  const ticks = [...new Set(range)].map((value) => [value, Number(value.toPrecision(3)).toString()]);
  const { svg, x, y } = frame(`claimed against numeric: ${told}`, range, range, ticks, ticks, "numeric", "claimed");
  svg.append(shape("path", { class: "truth", d: `M${x(range[0])} ${y(range[0])}L${x(range[1])} ${y(range[1])}` }));
  for (const [claimed, numeric, difference, bound] of pairs)
    svg.append(shape("circle", { class: Math.abs(difference) <= bound ? "dot" : "dot off", cx: x(numeric), cy: y(claimed), r: 3.5 }));
  return [element("figure", {}, svg, element("figcaption", {}, `claimed against numeric: ${told}`))];
}

function vCurve(curve) {
  const steps = curve.errors.map((_, i) => Math.log10(curve.step) - i * Math.log10(curve.ratio));
  const seen = [...curve.errors, curve.bound, curve.gap].filter((value) => value > 0).map(Math.log10);
  const floor = seen.length ? Math.floor(Math.min(...seen)) - 1 : -17;
  const top = seen.length ? Math.ceil(Math.max(...seen)) : 0;
  const height = (value) => value > 0 ? Math.log10(value) : floor;
  const told = curve.bound === null ? "no estimate here: the forward is kinked along this direction" :
    `the claim is off by ${number(curve.gap)}, ${curve.gap <= curve.bound ? "within" : "beyond"} the bound ${number(curve.bound)} (${curve.how})`;
  const ends = [steps.at(-1), steps[0]];
  const power = (value) => [value, `1e${Math.round(value)}`];
  const { svg, x, y } = frame(`error of plain central differences against their step; ${told}`, ends, [floor, top],
    ends.map(power), [[floor, "0"], power((floor + top) / 2 | 0), power(top)], "step", "error");
  const line = (value, name) => svg.append(shape("path", { class: name, d: `M${x(ends[0])} ${y(height(value))}H${x(ends[1])}` }));
  if (curve.bound !== null) {
    line(curve.bound, "bound");
    if (!(curve.gap <= curve.bound)) line(curve.gap, "gap");
  }
  const points = curve.errors.flatMap((error, i) => error === null ? [] : [[x(steps[i]), y(height(error))]]);
  svg.append(shape("path", { class: "trace", d: points.map(([a, b], i) => `${i ? "L" : "M"}${a} ${b}`).join("") }));
  for (const [a, b] of points) svg.append(shape("circle", { class: "dot", cx: a, cy: b, r: 2.5 }));
  return element("figure", {}, svg, element("figcaption", {}, `error of plain differences against their step; ${told}`));
}

// Each layer's pictures are drawn when they come into view for the first time.

function drawAll(place) {
  for (const picture of LAYERS[Number(place.dataset.layer)][Number(place.dataset.group)]) {
    const size = picture.shape.length ? `(${picture.shape.join(", ")})` : "a single number";
    const blocks = picture.block.some((b) => b > 1) ? `; a cell is the mean of ${picture.block.join(" × ")} entries` : "";
    place.append(element("h4", {}, `${picture.input} `, element("span", { class: "quiet" }, size + blocks)));
    place.append(...heatMaps(picture));
    const plots = element("div", { class: "plots" }, ...scatter(picture));
    if (picture.curve) plots.append(vCurve(picture.curve));
    place.append(plots);
  }
}

const watcher = new IntersectionObserver((seen) => {
  for (const entry of seen)
    if (entry.isIntersecting) {
      watcher.unobserve(entry.target);
      drawAll(entry.target);
    }
}, { rootMargin: "400px" });
for (const place of document.querySelectorAll(".pictures")) watcher.observe(place);

// Buttons.

const said = document.getElementById("said");

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { // a page opened from disk may not be allowed to; the old way is
    const field = element("textarea", { "aria-hidden": "true" });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

for (const button of document.querySelectorAll(".copy"))
  button.addEventListener("click", async () => {
    const done = await copy(button.previousElementSibling.textContent);
    button.focus();
    button.textContent = done ? "Copied" : "Select it and copy by hand";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });

for (const button of document.querySelectorAll("[data-show]"))
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[data-show]")) other.setAttribute("aria-pressed", String(other === button));
    let shown = 0;
    for (const part of document.querySelectorAll("[data-ok]")) {
      part.hidden = button.dataset.show === "wrong" && part.dataset.ok === "true";
      shown += part.tagName === "SECTION" && !part.hidden;
    }
    said.textContent = `${shown} ${shown === 1 ? "layer is" : "layers are"} shown`;
  });

for (const [id, open] of [["open", true], ["close", false]])
  document.getElementById(id).addEventListener("click", () => {
    for (const details of document.querySelectorAll(".layer > details")) details.open = open;
  });

document.querySelector("table").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (link) document.querySelector(`${link.getAttribute("href")} > details`).open = true;
});

const dark = matchMedia("(prefers-color-scheme: dark)");
const redraw = () => redraws.forEach((draw) => draw());
document.getElementById("theme").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
  redraw();
});
dark.addEventListener("change", redraw);
