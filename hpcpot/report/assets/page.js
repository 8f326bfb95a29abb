"use strict";
// Draws the figures and views of a page from the JSON texts beside this script.

const read = (id) => JSON.parse(document.getElementById(id).textContent);

for (const place of document.querySelectorAll(".plot")) {
  const plot = read(place.dataset.source);
  Plotly.newPlot(place, plot.data, plot.layout, { responsive: true, displaylogo: false, scrollZoom: false });
}

function bytes(text) {
  const raw = atob(text), out = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) out[k] = raw.charCodeAt(k);
  return out.buffer;
}

// A ball, lit from the upper left, drawn once for each element and size.
function ball(color, radius) {
  const size = Math.max(2, Math.ceil(2 * radius)), canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d"), c = size / 2;
  const light = context.createRadialGradient(c * 0.7, c * 0.65, 0, c, c, c);
  light.addColorStop(0, "#ffffff");
  light.addColorStop(0.4, color);
  light.addColorStop(0.85, color);
  light.addColorStop(1, "#20202a");
  context.fillStyle = light;
  context.beginPath();
  context.arc(c, c, c, 0, 2 * Math.PI);
  context.fill();
  return canvas;
}

class View {
  constructor(place) {
    const data = read(place.dataset.source);
    this.data = data;
    this.species = new Uint8Array(bytes(data.species));
    this.places = new Uint16Array(bytes(data.places));
    this.count = this.species.length;
    this.hidden = new Set();
    this.frame = data.titles.length - 1;
    this.zoom = 1;
    this.timer = null;
    const span = data.span, long = span.indexOf(Math.max(...span)), up = (long + 1) % 3, eye = (long + 2) % 3;
    // Rows: the axes of the screen; the longest edge lies to the right.
    this.turn = [0, 1, 2].map(() => [0, 0, 0]);
    this.turn[0][long] = 1;
    this.turn[1][up] = 1;
    this.turn[2][eye] = 1;
    this.rotate(0.35, 0.25);
    this.canvas = document.createElement("canvas");
    const [right, upwards] = this.turn.map((axis) => this.reach(axis));
    this.canvas.style.height = `${Math.min(460, Math.max(220, 1.15 * place.clientWidth * (upwards / right)))}px`;
    place.append(this.canvas, this.controls());
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    this.draw();
    place.dataset.drawn = "yes";
  }

  // Extent of the box of all frames along an axis of the screen, with room for radii.
  reach(axis) {
    return this.data.span.reduce((sum, value, k) => sum + Math.abs(axis[k]) * value, 0) + 6;
  }

  controls() {
    const box = document.createElement("div"), n = this.data.titles.length;
    box.className = "controls";
    const play = document.createElement("button"), slider = document.createElement("input");
    play.textContent = "play";
    play.type = "button";
    Object.assign(slider, { type: "range", min: 0, max: n - 1, value: this.frame });
    slider.setAttribute("aria-label", "frame");
    this.title = document.createElement("span");
    const show = (k) => {
      this.frame = k;
      slider.value = k;
      this.draw();
    };
    slider.addEventListener("input", () => show(Number(slider.value)));
    play.addEventListener("click", () => {
      if (this.timer) {
        clearInterval(this.timer);
        this.timer = null;
      } else {
        this.timer = setInterval(() => show((this.frame + 1) % n), 120);
      }
      play.textContent = this.timer ? "stop" : "play";
    });
    if (n > 1) box.append(play, slider);
    box.append(this.title);
    this.data.elements.forEach((element, k) => {
      const label = document.createElement("label"), tick = document.createElement("input"), swatch = document.createElement("span");
      Object.assign(tick, { type: "checkbox", checked: true });
      swatch.className = "swatch";
      swatch.style.background = this.data.colors[k];
      tick.addEventListener("change", () => {
        if (tick.checked) this.hidden.delete(k);
        else this.hidden.add(k);
        this.draw();
      });
      label.append(tick, swatch, element);
      box.append(label);
    });
    return box;
  }

  listen() {
    const canvas = this.canvas;
    let last = null;
    canvas.addEventListener("pointerdown", (event) => {
      last = [event.clientX, event.clientY];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      this.rotate((event.clientX - last[0]) * 0.008, (event.clientY - last[1]) * 0.008);
      last = [event.clientX, event.clientY];
      this.draw();
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => (last = null));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom = Math.min(20, Math.max(0.2, this.zoom * Math.exp(-event.deltaY * 0.001)));
      this.draw();
    }, { passive: false });
  }

  rotate(across, upwards) {
    const [x, y, z] = this.turn;
    const mix = (a, b, s, c) => a.map((value, k) => c * value + s * b[k]);
    const x1 = mix(x, z, Math.sin(across), Math.cos(across)), z1 = mix(z, x, -Math.sin(across), Math.cos(across));
    const y1 = mix(y, z1, Math.sin(-upwards), Math.cos(upwards)), z2 = mix(z1, y, -Math.sin(-upwards), Math.cos(upwards));
    this.turn = [x1, y1, z2];
  }

  draw() {
    const { low, span, radii, colors, titles, origins, cells } = this.data, canvas = this.canvas;
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth * ratio, height = canvas.clientHeight * ratio;
    if (!width || !height) return;
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d"), [right, up, eye] = this.turn;
    const centre = low.map((value, k) => value + span[k] / 2);
    const scale = this.zoom * Math.min(width / this.reach(right), height / this.reach(up));
    const project = (p) => {
      let x = 0, y = 0, z = 0;
      for (let k = 0; k < 3; k++) {
        const d = p[k] - centre[k];
        x += right[k] * d;
        y += up[k] * d;
        z += eye[k] * d;
      }
      return [width / 2 + scale * x, height / 2 - scale * y, z];
    };
    context.strokeStyle = "#9aa3ad";
    context.lineWidth = ratio;
    const origin = origins[this.frame], cell = cells[this.frame];
    for (let axis = 0; axis < 3; axis++)
      for (let corner = 0; corner < 4; corner++) {
        const [a, b] = [0, 1, 2].filter((k) => k !== axis);
        const from = origin.map((value, k) => value + (corner & 1) * cell[a][k] + ((corner >> 1) & 1) * cell[b][k]);
        const start = project(from), end = project(from.map((value, k) => value + cell[axis][k]));
        context.beginPath();
        context.moveTo(start[0], start[1]);
        context.lineTo(end[0], end[1]);
        context.stroke();
      }
    const n = this.count, begin = 3 * n * this.frame, points = new Array(n), order = [], steps = 65535;
    for (let i = 0; i < n; i++) {
      if (this.hidden.has(this.species[i])) continue;
      const p = [0, 1, 2].map((k) => low[k] + (span[k] * this.places[begin + 3 * i + k]) / steps);
      points[i] = project(p);
      order.push(i);
    }
    order.sort((i, j) => points[i][2] - points[j][2]);
    const balls = radii.map((radius, k) => ball(colors[k], radius * scale));
    for (const i of order) {
      const image = balls[this.species[i]], [x, y] = points[i];
      context.drawImage(image, x - image.width / 2, y - image.height / 2);
    }
    this.title.textContent = titles[this.frame];
  }
}

for (const place of document.querySelectorAll(".view")) new View(place);

// A page of a running job asks whether there is something new, and loads itself again.
const live = document.body.dataset.version;
if (live)
  setInterval(async () => {
    const answer = await fetch("version", { cache: "no-store" }).catch(() => null);
    if (answer && answer.ok && (await answer.text()) !== live) location.reload();
  }, 1000 * Number(document.body.dataset.every));
