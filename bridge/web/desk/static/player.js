// The player of a call's page. The <audio> of the page does the playing; this draws the two sides, and gives it keys, speed and silence to skip.

const SPEEDS = [0.75, 1, 1.25, 1.5, 1.75, 2];

const clock = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  return whole < 3600 ? `${Math.floor(whole / 60)}:${two(whole % 60)}` : `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
};

/** Both sides as they are, or one of them for both ears. Made when first needed: sound goes another way from then on. */
class Sides {
  constructor(audio) {
    this.context = new AudioContext();
    const splitter = this.context.createChannelSplitter(2), merger = this.context.createChannelMerger(2);
    this.context.createMediaElementSource(audio).connect(splitter);
    this.gains = [[0, 0], [0, 1], [1, 0], [1, 1]].map(([from, to]) => {
      const gain = this.context.createGain();
      splitter.connect(gain, from);
      gain.connect(merger, 0, to);
      return gain;
    });
    merger.connect(this.context.destination);
    audio.addEventListener("play", () => this.context.resume());
  }

  hear(caller, company) {
    const both = caller && company;
    const wanted = [caller, caller && !both, company && !both, company];
    this.gains.forEach((gain, n) => { gain.gain.value = wanted[n] ? 1 : 0; });
    return this.context.resume();
  }
}

export class Player {
  constructor(box) {
    this.box = box;
    this.audio = box.querySelector("audio");
    this.wave = box.querySelector(".wave");
    this.time = box.querySelector("[data-time]");
    this.known = Number(box.dataset.duration) || 0;
    this.silences = [];
    this.parts = Object.fromEntries([...box.querySelectorAll("[data-do]")].map((part) => [part.dataset.do, part]));
    box.querySelector(".player-keys").hidden = false;
    this.audio.classList.add("replaced");
    this.audio.removeAttribute("controls");
    this.listen();
    this.show();
  }

  get duration() { return Number.isFinite(this.audio.duration) && this.audio.duration > 0 ? this.audio.duration : this.known; }
  get skips() { return this.parts.skip.checked; }

  toggle() {
    if (!this.audio.paused) { this.audio.pause(); return Promise.resolve(); }
    if (this.duration && this.audio.currentTime >= this.duration - 0.05) this.audio.currentTime = 0;
    return this.audio.play().catch((error) => { if (error.name !== "AbortError") this.fail(); });
  }

  /** The recording is asked for only now or with play: to open the page is not to listen. */
  seek(to) {
    if (!this.audio.readyState) this.audio.preload = "auto";
    this.audio.currentTime = Math.min(Math.max(to, 0), Math.max(this.duration - 0.01, 0));
    this.show();
  }

  speed(step) {
    const at = SPEEDS.indexOf(Number(this.parts.speed.value));
    this.parts.speed.value = SPEEDS[Math.min(Math.max(at + step, 0), SPEEDS.length - 1)];
    this.setSpeed();
  }

  setSpeed() {
    this.audio.preservesPitch = true;
    // a source that is loaded later begins at the default
    this.audio.defaultPlaybackRate = this.audio.playbackRate = Number(this.parts.speed.value);
  }

  /** Both, the caller alone, the company alone, both. */
  turn() {
    const { caller, company } = this.parts;
    [caller.checked, company.checked] = caller.checked && company.checked ? [true, false] : caller.checked ? [false, true] : [true, true];
    this.hear();
  }

  hear() {
    const { caller, company } = this.parts;
    if (!this.sides && caller.checked && company.checked) return Promise.resolve();
    this.sides ??= new Sides(this.audio);
    return this.sides.hear(caller.checked, company.checked);
  }

  listen() {
    const { audio, parts } = this;
    parts.play.addEventListener("click", () => this.toggle());
    parts.speed.addEventListener("change", () => this.setSpeed());
    parts.skip.addEventListener("change", () => this.grey());
    parts.caller.addEventListener("change", () => this.hear());
    parts.company.addEventListener("change", () => this.hear());
    for (const name of ["play", "pause", "seeked", "timeupdate", "durationchange", "ended"]) audio.addEventListener(name, () => this.show());
    // not by wavesurfer, which keeps a place back until the sound is there, and goes to it then whatever was pressed since
    const point = (event) => { const box = this.wave.getBoundingClientRect(); this.seek((this.duration * (event.clientX - box.left)) / box.width); };
    this.wave.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      this.wave.setPointerCapture(event.pointerId);
      point(event);
    });
    this.wave.addEventListener("pointermove", (event) => { if (this.wave.hasPointerCapture(event.pointerId)) point(event); });
    audio.addEventListener("timeupdate", () => this.leap());
    audio.addEventListener("play", () => this.follow());
    audio.addEventListener("error", () => this.fail());
    if ("mediaSession" in navigator) {
      navigator.mediaSession.metadata = new MediaMetadata({ title: this.box.dataset.title });
      for (const [action, step] of [["seekbackward", -5], ["seekforward", 5]])
        navigator.mediaSession.setActionHandler(action, (details) => this.seek(audio.currentTime + Math.sign(step) * (details.seekOffset || 5)));
    }
  }

  /** Between two timeupdates, which come four times a second only. */
  follow() {
    if (this.audio.paused) return;
    this.leap();
    this.show();
    requestAnimationFrame(() => this.follow());
  }

  leap() {
    const { audio } = this;
    if (!this.skips || audio.paused || audio.seeking) return;
    const silence = this.silences.find(([from, to]) => audio.currentTime >= from && audio.currentTime < to - 0.1);
    if (silence) audio.currentTime = silence[1];
  }

  show() {
    const { audio, box } = this, at = audio.currentTime;
    const text = `${clock(at)} / ${clock(this.duration)}`;
    if (this.time.textContent !== text) {
      this.time.textContent = text;
      this.wave.setAttribute("aria-valuenow", Math.round(at));
      this.wave.setAttribute("aria-valuetext", box.dataset.at.replace("{at}", clock(at)).replace("{all}", clock(this.duration)));
    }
    const name = audio.paused ? box.dataset.play : box.dataset.pause;
    if (this.parts.play.textContent !== name) this.parts.play.textContent = name;
  }

  fail(text) {
    const problem = this.box.querySelector("[data-problem]");
    problem.textContent = text || this.box.dataset.failed;
    problem.hidden = false;
  }

  grey() {
    for (const part of this.wave.querySelectorAll(".silence")) part.classList.toggle("skipped", this.skips);
  }

  /** The picture of both sides. Without it everything else works. */
  async draw() {
    const answer = await fetch(this.box.dataset.peaks, { headers: { "HX-Request": "true" } });
    if (!answer.ok) { this.fail(await answer.text()); return; }
    const shape = await answer.json();
    this.known = shape.duration;
    this.silences = shape.silences;
    this.wave.setAttribute("aria-valuemax", Math.round(shape.duration));
    this.show();
    this.wave.parentElement.hidden = false;
    for (const [from, to] of shape.silences) {
      const part = document.createElement("div");
      part.className = "silence";
      part.style.left = `${(100 * from) / shape.duration}%`;
      part.style.width = `${(100 * (to - from)) / shape.duration}%`;
      this.wave.append(part);
    }
    const drawn = document.createElement("div");
    drawn.className = "drawn";
    this.wave.append(drawn);
    const { default: WaveSurfer } = await import(this.box.dataset.wavesurfer);
    const loudest = Math.max(1, ...shape.channels.map((points) => points.reduce((most, one) => Math.max(most, one), 0)));
    const peaks = shape.channels.map((points) => points.map((one) => one / loudest));
    this.surfer = WaveSurfer.create({
      container: drawn, media: this.audio, peaks, duration: shape.duration, height: 112 / peaks.length, cspNonce: this.box.dataset.nonce,
      cursorWidth: 2, barWidth: 2, barGap: 1, barMinHeight: 1, interact: false, hideScrollbar: true, ...this.colours(peaks.length),
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.surfer.setOptions(this.colours(peaks.length)));
  }

  colours(channels) {
    const style = getComputedStyle(this.box), named = (name) => style.getPropertyValue(name).trim();
    const faint = (name) => `color-mix(in srgb, ${named(name)} 55%, ${named("--paper")})`;
    const [caller, company] = ["--chart-1", "--chart-2"].map((name) => ({ waveColor: faint(name), progressColor: named(name) }));
    return { cursorColor: named("--ink"), ...(channels > 1 ? { splitChannels: [caller, company] } : caller) };
  }

  /** Whether a key was for the player. */
  key(event) {
    const on = event.target;
    const step = event.shiftKey ? 1 : 5;
    if (event.key === " " && on.closest("button, a, summary, input, select")) return false;
    if (event.key.startsWith("Arrow") && on.closest("input[type=radio], input[type=range], select")) return false;
    switch (event.key) {
      case " ": this.toggle(); return true;
      case "ArrowLeft": this.seek(this.audio.currentTime - step); return true;
      case "ArrowRight": this.seek(this.audio.currentTime + step); return true;
      case "Home": if (on !== this.wave) return false; this.seek(0); return true;
      case "End": if (on !== this.wave) return false; this.seek(this.duration); return true;
      case "<": this.speed(-1); return true;
      case ">": this.speed(1); return true;
      case "m": this.turn(); return true;
      case ".": this.parts.skip.checked = !this.skips; this.grey(); return true;
    }
    return false;
  }
}

for (const box of document.querySelectorAll("[data-player]")) {
  const player = new Player(box);
  box.player = player;
  player.draw();
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, [contenteditable]")) return;
    if (player.key(event)) event.preventDefault();
  });
}
