// The front page's picture: true and learned orbits on a sphere. Turned by pointer, by arrow keys, or by itself.
// Without this script, and in print, the still picture stands in its place. The data are the whole flow's (_ext/orbits.py).
(() => {
  const { exact, learned, after } = JSON.parse(document.querySelector(".orbits-data").textContent);
  const figure = document.querySelector("#fig-orbits");
  const box = document.createElement("div");
  box.className = "orbits";
  box.innerHTML = `
    <canvas tabindex="0" role="img" aria-label="A ball, slowly turning, with twelve closed curves and a point that moves on
      each. The learned curves and points lie on the true ones. The arrow keys turn the ball, space stops it."></canvas>
    <p><span class="true">true</span> <span class="learned">learned, after ${after} steps</span>
      <button type="button"></button> <span class="hint">Turn it: drag, or arrow keys.</span></p>`;
  figure.querySelector("img").before(box);
  figure.classList.add("turning");

  const canvas = box.querySelector("canvas"), button = box.querySelector("button"), pen = canvas.getContext("2d");
  const DAY = 60, LAP = 24; // seconds: of a turn by itself, of a run along the curves
  let azimuth = -0.66, elevation = 0.49, time = LAP / 3;
  let playing = !matchMedia("(prefers-reduced-motion: reduce)").matches, seen = true, last = 0, frame = 0, held = null;

  // Rotate a point, given in thousandths, into the eye's frame: right, up, towards the eye (as locsym.plots.sphere does).
  function eye() {
    const [ca, sa, ce, se] = [Math.cos(azimuth), Math.sin(azimuth), Math.cos(elevation), Math.sin(elevation)];
    return (x, y, z) => [
      (ca * y - sa * x) / 1000,
      (ce * z - se * (ca * x + sa * y)) / 1000,
      (ce * (ca * x + sa * y) + se * z) / 1000,
    ];
  }

  function at(curve, place) {
    const i = 3 * Math.floor(place), part = place % 1;
    return [0, 1, 2].map((j) => curve[i + j] + part * (curve[i + j + 3] - curve[i + j]));
  }

  function stroke(curve, look, front, colour, width) {
    pen.beginPath();
    let down = false;
    for (let i = 0; i < curve.length; i += 3) {
      const [x, y, depth] = look(curve[i], curve[i + 1], curve[i + 2]);
      if (depth >= 0 === front) down ? pen.lineTo(x, -y) : pen.moveTo(x, -y);
      down = depth >= 0 === front;
    }
    Object.assign(pen, { strokeStyle: colour, lineWidth: width, lineJoin: "round", lineCap: "round", globalAlpha: front ? 1 : 0.2 });
    pen.stroke();
  }

  function disc([x, y, depth], colour, radius, fade) {
    pen.beginPath();
    pen.arc(x, -y, radius, 0, 2 * Math.PI);
    Object.assign(pen, { fillStyle: colour, globalAlpha: fade * (depth >= 0 ? 1 : 0.25) });
    pen.fill();
  }

  function draw() {
    const style = getComputedStyle(box), colour = (name) => style.getPropertyValue(`--orbits-${name}`);
    const size = canvas.clientWidth * devicePixelRatio, pixel = 2.1 / canvas.clientWidth, look = eye();
    if (canvas.width !== Math.round(size)) canvas.width = canvas.height = Math.round(size);
    pen.setTransform(size / 2.1, 0, 0, size / 2.1, size / 2, size / 2);
    pen.clearRect(-2, -2, 4, 4);
    const light = pen.createRadialGradient(-0.35, -0.45, 0.1, 0, 0, 1.05);
    light.addColorStop(0, colour("light"));
    light.addColorStop(1, colour("ball"));
    pen.fillStyle = light;
    pen.globalAlpha = 1;
    pen.beginPath();
    pen.arc(0, 0, 1, 0, 2 * Math.PI);
    pen.fill();
    for (const front of [false, true]) {
      for (const curve of exact) stroke(curve, look, front, colour("true"), 5 * pixel);
      for (const curve of learned) stroke(curve, look, front, colour("learned"), 1.7 * pixel);
    }
    const part = time / LAP, place = part * (exact[0].length / 3 - 1.001), fade = Math.min(1, 12 * part, 12 * (1 - part));
    exact.forEach((curve, s) => {
      disc(look(...at(curve, place)), colour("point"), 5.5 * pixel, fade);
      disc(look(...at(learned[s], place)), colour("learned"), 3.5 * pixel, fade);
    });
  }

  function tick(now) {
    const step = Math.min(now - last, 100) / 1000; // a page that slept does not jump
    last = now;
    if (!held) azimuth += (2 * Math.PI * step) / DAY;
    time = (time + step) % LAP;
    draw();
    if (playing && seen) frame = requestAnimationFrame(tick);
  }

  function play(on) {
    playing = on;
    button.textContent = on ? "Pause" : "Play";
    cancelAnimationFrame(frame); // one loop at a time
    if (on && seen) frame = requestAnimationFrame((now) => tick((last = now)));
  }

  function turn(right, up) {
    azimuth -= right;
    elevation = Math.max(-1.5, Math.min(1.5, elevation + up));
    draw();
  }

  const KEYS = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
  canvas.addEventListener("keydown", (event) => {
    if (event.key === " ") play(!playing);
    else if (KEYS[event.key]) turn(...KEYS[event.key]);
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("pointerdown", (event) => {
    held = event;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return;
    const scale = 2.5 / canvas.clientWidth;
    turn((event.clientX - held.clientX) * scale, (event.clientY - held.clientY) * scale);
    held = event;
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (held = null));
  button.addEventListener("click", () => play(!playing));
  new IntersectionObserver(([entry]) => {
    seen = entry.isIntersecting;
    if (playing) play(true);
  }).observe(canvas);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  new ResizeObserver(draw).observe(canvas);
  play(playing);
})();
