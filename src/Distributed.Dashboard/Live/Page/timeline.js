// The last steps of every rank: computing, communicating and waiting one after the other, so that
// who makes the others wait stands out. Drawn on a canvas as large as the sight; ranks scroll.

import { el, fit, say, theme } from "./dom.js";
import { count, ms } from "./format.js";
import { slowFactor } from "./store.js";

const rowHeight = 22;
const rowsMax = 20;
const axisHeight = 22;

export class Timeline {
  #ranks = [];
  #order = [];
  #spans = [];
  #hits = null;
  #isSlowestFirst = true;

  constructor() {
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.space = el("div", { class: "tall" }, this.canvas);
    this.scroller = el("div", {
      class: "timeline", tabindex: "0", role: "img", "aria-label": "Steps by rank",
    }, this.space);
    this.answer = el("p", { class: "answer-line" });
    this.detail = el("p", { class: "note detail" });
    const legend = el("ul", { class: "keys" },
      [["compute", "computes"], ["communicate", "communicates"], ["wait", "waits for others"]]
        .map(([key, name]) => el("li", {}, el("span", { class: `key ${key}` }), name)));
    const order = el("select", { id: "timeline-order", onchange: () => {
      this.#isSlowestFirst = order.value === "slowest";
      this.#arrange();
      this.draw();
    } }, el("option", { value: "slowest" }, "slowest first"), el("option", { value: "rank" },
      "by rank"));
    this.element = el("div", {}, this.answer,
      el("div", { class: "controls" }, legend, el("label", { for: "timeline-order" }, "Order"),
        order),
      this.scroller, this.detail);
    this.scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    this.scroller.addEventListener("mousemove", event => this.#tell(event));
    new ResizeObserver(() => this.draw()).observe(this.scroller);
  }

  get ranks() {
    return this.#ranks;
  }

  // ranks: [{ rank, worker, steps: [...], times: [compute, communicate, wait in tenths of ms…] }]
  set(ranks) {
    this.#ranks = ranks.map(rank => {
      let compute = 0;
      let communicate = 0;
      let wait = 0;
      for (let at = 0; at < rank.times.length; at += 3) {
        compute += rank.times[at];
        communicate += rank.times[at + 1];
        wait += rank.times[at + 2];
      }
      const scale = 10 * Math.max(1, rank.steps.length);
      return {
        ...rank, compute: compute / scale, communicate: communicate / scale, wait: wait / scale,
      };
    });
    this.#span();
    this.#arrange();
    this.#judge();
    const rows = Math.min(rowsMax, Math.max(1, ranks.length));
    this.scroller.style.height = `${rows * rowHeight + axisHeight + 2}px`;
    this.space.style.height = `${ranks.length * rowHeight + axisHeight}px`;
    this.draw();
  }

  // Each step is as wide as it was for the rank that took longest.
  #span() {
    const widths = new Map();
    for (const { steps, times } of this.#ranks) {
      steps.forEach((step, index) => {
        const all = times[3 * index] + times[3 * index + 1] + times[3 * index + 2];
        if (all > (widths.get(step) ?? 0)) widths.set(step, all);
      });
    }
    let begin = 0;
    this.#spans = new Map();
    for (const step of [...widths.keys()].sort((a, b) => a - b)) {
      this.#spans.set(step, begin);
      begin += widths.get(step);
    }
    this.total = begin;
  }

  #arrange() {
    this.#order = [...this.#ranks];
    this.#order.sort(this.#isSlowestFirst
      ? (a, b) => b.compute - a.compute || a.rank - b.rank
      : (a, b) => a.rank - b.rank);
  }

  #judge() {
    this.slowest = null;
    if (this.#ranks.length === 0) {
      say(this.answer, "No steps are remembered: the job has not begun, or has ended.");
      return;
    }
    const byCompute = [...this.#ranks].sort((a, b) => a.compute - b.compute);
    const median = byCompute[(byCompute.length - 1) >> 1].compute;
    const last = byCompute[byCompute.length - 1];
    const wait = byCompute.reduce((sum, rank) => sum + rank.wait, 0) / byCompute.length;
    if (byCompute.length > 1 && last.compute > slowFactor * median) {
      this.slowest = last;
      say(this.answer, `${last.worker} (rank ${last.rank}) holds up the others: it computes for `
        + `${ms(last.compute)} a step, ${(last.compute / median).toFixed(1)} times the median's `
        + `${ms(median)}. The ranks wait ${ms(wait)} a step on average.`);
    } else {
      say(this.answer, byCompute.length === 1
        ? `One rank, ${ms(last.compute)} of computing a step.`
        : `The ${count(byCompute.length, "rank")} keep pace: ${ms(median)} of computing a step, `
          + `at most ${ms(last.compute)} (${last.worker}); they wait ${ms(wait)} on average.`);
    }
    this.scroller.setAttribute("aria-label", this.answer.textContent);
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.scroller;
    if (width === 0 || height === 0) return;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const { context } = fit(this.canvas);
    const colours = theme();
    const labels = Math.min(170, Math.max(84, width * 0.2));
    const scale = this.total > 0 ? (width - labels - 12) / this.total : 0;
    const top = this.scroller.scrollTop;
    const first = Math.floor(top / rowHeight);
    const last = Math.min(this.#order.length - 1, Math.floor((top + height) / rowHeight));
    context.font = `12px ${colours.font}`;
    context.textBaseline = "middle";
    const paint = [colours.series[0], colours.series[5], colours.ground];
    for (let place = first; place <= last; place++) {
      const rank = this.#order[place];
      const y = place * rowHeight - top;
      const isSlowest = rank === this.slowest;
      if (isSlowest) {
        context.fillStyle = colours.bad;
        context.globalAlpha = 0.12;
        context.fillRect(0, y, width, rowHeight);
        context.globalAlpha = 1;
      }
      context.fillStyle = isSlowest ? colours.bad : colours.ink;
      const label = `${isSlowest ? "▶ " : ""}${rank.worker}`;
      context.fillText(label, 4, y + rowHeight / 2, labels - 10);
      for (let index = 0; index < rank.steps.length; index++) {
        let x = labels + this.#spans.get(rank.steps[index]) * scale;
        for (let part = 0; part < 3; part++) {
          const wide = rank.times[3 * index + part] * scale;
          context.fillStyle = part === 0 && isSlowest ? colours.bad : paint[part];
          // Waiting is low as well as grey, so that it needs no colour to be told.
          const low = part === 2 ? 7 : part === 1 ? 5 : 3;
          if (wide > 0.3)
            context.fillRect(x, y + low, Math.max(0.6, wide - 0.6), rowHeight - 2 * low);
          x += wide;
        }
      }
    }
    this.#hits = { labels, scale };
    this.#axis(context, width, height, labels, scale, colours);
  }

  #axis(context, width, height, labels, scale, colours) {
    context.fillStyle = colours.paper;
    context.fillRect(0, height - axisHeight, width, axisHeight);
    context.fillStyle = colours.soft;
    context.fillText("step", 4, height - axisHeight / 2);
    let free = 0;
    for (const [step, begin] of this.#spans) {
      const x = labels + begin * scale;
      if (x < free) continue;
      context.fillRect(x, height - axisHeight, 1, 5);
      context.fillText(String(step), x + 3, height - axisHeight / 2 + 2);
      free = x + context.measureText(String(step)).width + 18;
    }
  }

  #tell(event) {
    if (this.#hits === null) return;
    const box = this.scroller.getBoundingClientRect();
    const place = Math.floor((event.clientY - box.top + this.scroller.scrollTop) / rowHeight);
    const rank = this.#order[place];
    if (!rank) return;
    const at = (event.clientX - box.left - this.#hits.labels) / this.#hits.scale;
    let found = -1;
    rank.steps.forEach((step, index) => {
      if (this.#spans.get(step) <= at) found = index;
    });
    const of = (name, values) => `${name}: compute ${ms(values[0])}, communicate `
      + `${ms(values[1])}, wait ${ms(values[2])}`;
    say(this.detail, found < 0 || at < 0
      ? of(`${rank.worker} (rank ${rank.rank}), on average`,
        [rank.compute, rank.communicate, rank.wait])
      : of(`${rank.worker} (rank ${rank.rank}), step ${rank.steps[found]}`,
        [0, 1, 2].map(part => rank.times[3 * found + part] / 10)));
  }
}
