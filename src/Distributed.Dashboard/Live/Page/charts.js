// Charts, drawn by Apache ECharts once one is looked at. Where the program was built without it,
// a chart is a sentence, and the tables beside it have the numbers.

import { el, forgetTheme, say, theme } from "./dom.js";
import { compact, percent, plain } from "./format.js";

let loading = null;
const charts = new Set();

// Null where there is none.
function load() {
  loading ??= new Promise(resolve => {
    const script = el("script", { src: "echarts.min.js" });
    script.onload = () => resolve(globalThis.echarts ?? null);
    script.onerror = () => resolve(null);
    document.head.append(script);
  });
  return loading;
}

// While nothing else is to be done, so that the first chart is there at once.
export function prepare() {
  (window.requestIdleCallback ?? setTimeout)(() => load(), { timeout: 3000 });
}

export function recolour() {
  forgetTheme();
  for (const chart of charts) chart.redraw();
}

export class Chart {
  #option = null;
  #chart = null;
  #isGone = false;

  constructor(label, height = 260) {
    this.plot = el("div", { class: "plot", role: "img", "aria-label": label });
    this.plot.style.height = `${height}px`;
    this.note = el("p", { class: "note" });
    this.element = el("figure", {}, el("figcaption", {}, label), this.plot, this.note);
    this.observer = new ResizeObserver(() => this.#chart?.resize());
    charts.add(this);
    load().then(library => {
      if (this.#isGone) return;
      if (library === null) {
        this.plot.hidden = true;
        say(this.note, "The program was built without charts (npm was missing); "
          + "the numbers are in the tables.");
        return;
      }
      // The plot may be shown only after its view has been put into the page.
      requestAnimationFrame(() => {
        if (this.#isGone) return;
        this.#chart = library.init(this.plot, null, { renderer: "canvas" });
        this.observer.observe(this.plot);
        this.#draw();
      });
    });
  }

  // make() → the option, asked for again when the colours change. The text tells a screen reader
  // what there is to see.
  show(make, text, note) {
    this.#option = make;
    this.plot.setAttribute("aria-label", text);
    if (note !== undefined && !this.plot.hidden) say(this.note, note);
    this.#draw();
  }

  redraw() {
    this.#draw();
  }

  onClick(listener) {
    this.click = listener;
  }

  dispose() {
    this.#isGone = true;
    charts.delete(this);
    this.observer.disconnect();
    this.#chart?.dispose();
  }

  #draw() {
    if (this.#chart === null || this.#option === null) return;
    this.#chart.setOption(this.#option(theme()), { notMerge: true });
    if (this.click) {
      this.#chart.off("click");
      this.#chart.on("click", this.click);
    }
    this.plot.dataset.drawn = "yes";
  }
}

const tick = isShare => value => isShare ? `${+(100 * value).toFixed(2)} %`
  : Math.abs(value) >= 1e4 ? compact(value) : `${+value.toPrecision(6)}`;

function base(colours) {
  return {
    animation: false,
    textStyle: { fontFamily: colours.font, color: colours.ink },
    tooltip: {
      // Drawn on the canvas: the page's policy allows no style in HTML, and texts stay texts.
      renderMode: "richText", confine: true, backgroundColor: colours.card,
      borderColor: colours.faint, textStyle: { color: colours.ink, fontSize: 12 },
      axisPointer: { lineStyle: { color: colours.soft } },
    },
  };
}

function axis(name, colours, isX, isShare) {
  return {
    type: "value", scale: true, name, nameLocation: isX ? "middle" : "end",
    nameGap: isX ? 26 : 10,
    nameTextStyle: { color: colours.soft, fontSize: 12, align: isX ? "center" : "left" },
    axisLine: { show: isX, onZero: false, lineStyle: { color: colours.soft } },
    axisTick: { show: false }, splitNumber: 4,
    splitLine: { show: !isX, lineStyle: { color: colours.faint } },
    axisLabel: { color: colours.soft, fontSize: 11, hideOverlap: true, formatter: tick(isShare) },
  };
}

const grid = { left: 10, right: 20, top: 34, bottom: 34, containLabel: true };

// series: [{ name, points: [[x, y]…] }]
export const lines = ({ x, y, series, isShare, isWhole }) => colours => ({
  ...base(colours),
  tooltip: {
    ...base(colours).tooltip, trigger: "axis",
    formatter: hits => `${x} ${plain(hits[0].value[0])}\n` + hits.map(hit =>
      `${hit.seriesName}: ${isShare ? percent(hit.value[1]) : plain(hit.value[1])}`).join("\n"),
  },
  legend: {
    show: series.length > 1, top: 0, right: 0, textStyle: { color: colours.ink, fontSize: 12 },
  },
  grid,
  xAxis: { ...axis(x, colours, true), minInterval: isWhole ? 1 : 0 },
  yAxis: axis(y, colours, false, isShare),
  series: series.map(({ name, points }, index) => ({
    type: "line", name, data: points, showSymbol: points.length <= 30, symbolSize: 6,
    symbol: ["circle", "rect", "triangle"][index % 3], sampling: "lttb",
    itemStyle: { color: colours.series[index] },
    lineStyle: { color: colours.series[index], width: 1.8, type: index === 0 ? "solid" : "dashed" },
    emphasis: { disabled: true },
  })),
});

// points and front: [[x, y, trial]…]
export const pareto = ({ x, y, points, front, xShare, yShare }) => colours => ({
  ...base(colours),
  tooltip: {
    ...base(colours).tooltip, trigger: "item",
    formatter: hit => `trial ${hit.value[2]}\n${x}: ${xShare ? percent(hit.value[0])
      : plain(hit.value[0])}\n${y}: ${yShare ? percent(hit.value[1]) : plain(hit.value[1])}`,
  },
  legend: { top: 0, right: 0, textStyle: { color: colours.ink, fontSize: 12 } },
  grid,
  xAxis: axis(x, colours, true, xShare),
  yAxis: axis(y, colours, false, yShare),
  series: [
    {
      type: "scatter", name: "trials", data: points, symbolSize: 5, large: points.length > 2000,
      itemStyle: { color: colours.ground, opacity: 0.55 }, emphasis: { disabled: true },
    },
    {
      type: "line", name: "Pareto front", data: front, symbol: "diamond", symbolSize: 10,
      step: "end", itemStyle: { color: colours.series[1] },
      lineStyle: { color: colours.series[1], width: 1.6 }, emphasis: { disabled: true },
    },
  ],
});

// Labels that lines cross.
const over = colours => ({
  color: colours.ink, fontSize: 11, hideOverlap: true, textBorderColor: colours.paper,
  textBorderWidth: 3,
});

// columns: [{ name, categories? , isLogarithmic }], rows and best: arrays of values by column.
export const parallel = ({ columns, rows, best, isNarrow }) => colours => ({
  ...base(colours),
  tooltip: { show: false },
  legend: {
    top: 0, right: 0, data: ["sample", "best"], textStyle: { color: colours.ink, fontSize: 12 },
    selectedMode: true,
  },
  parallel: {
    left: 46, right: 70, top: 70, bottom: 24,
    layout: isNarrow ? "vertical" : "horizontal",
    ...(isNarrow ? { left: 20, right: 84, top: 60, bottom: 40 } : {}),
    parallelAxisDefault: {
      nameTextStyle: { color: colours.ink, fontSize: 11 },
      nameTruncate: { maxWidth: isNarrow ? 70 : 110 }, nameGap: isNarrow ? 8 : 14,
      axisLine: { lineStyle: { color: colours.soft } }, axisTick: { show: false },
      axisLabel: over(colours),
      areaSelectStyle: {
        color: colours.accent, opacity: 0.2, borderColor: colours.accent, width: 18,
      },
    },
  },
  parallelAxis: columns.map((column, dim) => ({
    dim, name: column.name, scale: true, z: 10,
    nameLocation: dim % 2 === 1 && !isNarrow && columns.length > 6 ? "start" : "end",
    ...(column.categories ? { type: "category", data: column.categories }
      : {
        type: column.isLogarithmic ? "log" : "value",
        axisLabel: {
          ...over(colours),
          formatter: value => column.isLogarithmic ? value.toExponential(0)
            : tick(column.isShare)(value),
        },
      }),
  })),
  series: [
    {
      type: "parallel", name: "sample", data: rows, silent: true, progressive: 0,
      lineStyle: { color: colours.ground, width: 0.8, opacity: 0.35 },
      itemStyle: { color: colours.ground }, emphasis: { disabled: true },
      inactiveOpacity: 0.02, activeOpacity: 0.6,
    },
    {
      type: "parallel", name: "best", data: best, silent: true, z: 3, progressive: 0,
      lineStyle: { color: colours.series[1], width: 1.3, opacity: 0.8 },
      itemStyle: { color: colours.series[1] }, emphasis: { disabled: true },
      inactiveOpacity: 0.05, activeOpacity: 0.9,
    },
  ],
});
