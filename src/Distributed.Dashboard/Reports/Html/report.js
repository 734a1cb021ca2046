// Draws a report's charts with ECharts, and sorts its tables. Without it the page shows all the same
// numbers in tables.
"use strict";
(() => {
  const root = document.documentElement;
  const narrow = () => root.clientWidth < 560;

  // ---- Words and colours ---------------------------------------------------------------------

  const isNumber = value => typeof value === "number" && Number.isFinite(value);

  function plain(value) {
    if (!isNumber(value)) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-4 || size >= 1e15)) return value.toExponential(3);
    return value.toLocaleString("en", { maximumSignificantDigits: 4 });
  }

  function show(axis, value) {
    if (axis.categories) return axis.categories[value] ?? "–";
    if (!isNumber(value)) return "–";
    if (axis.isShare) return `${(100 * value).toFixed(2)} %`;
    return plain(value);
  }

  function theme() {
    const style = getComputedStyle(root);
    const read = name => style.getPropertyValue(`--${name}`).trim();
    return {
      ink: read("ink"), soft: read("soft"), faint: read("faint"), paper: read("paper"),
      card: read("card"), low: read("low"), high: read("high"), ground: read("ground"),
      series: [0, 1, 2, 3, 4, 5].map(index => read(`c${index}`)),
    };
  }

  const symbols = ["circle", "rect", "triangle", "diamond", "roundRect", "arrow"];
  const dashes = ["solid", "dashed", "dotted"];
  const escape = text => echarts.format.encodeHTML(String(text));

  const rows = (title, lines) =>
    `<strong>${escape(title)}</strong>` + lines.map(([name, value, colour]) =>
      `<br>${colour ? mark(colour) : ""}${escape(name)}: <b>${escape(value)}</b>`).join("");

  const mark = colour => "<span style=\"display:inline-block;width:.6em;height:.6em;"
    + `border-radius:50%;margin-right:.4em;background:${colour}"></span>`;

  // ---- Parts that charts share ---------------------------------------------------------------

  function base(colours) {
    return {
      animation: false,
      backgroundColor: "transparent",
      color: colours.series,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colours.ink },
      tooltip: {
        confine: true,
        backgroundColor: colours.card,
        borderColor: colours.faint,
        textStyle: { color: colours.ink, fontSize: 13 },
        axisPointer: { lineStyle: { color: colours.soft }, label: { show: false } },
      },
    };
  }

  function legend(colours, names) {
    return {
      show: names.length > 1, type: "scroll", top: 0, left: 0, itemGap: 16, itemWidth: 18,
      itemHeight: 9, data: names, icon: undefined, textStyle: { color: colours.ink, fontSize: 12 },
      pageTextStyle: { color: colours.soft }, pageIconColor: colours.ink,
      pageIconInactiveColor: colours.faint,
    };
  }

  // A tick needs fewer digits than a value.
  function tick(axis, value) {
    if (axis.categories) return axis.categories[value] ?? "";
    if (axis.isShare) return `${+(100 * value).toFixed(2)} %`;
    if (axis.isLogarithmic && value > 0 && value < 0.01) return value.toExponential(0);
    if (Math.abs(value) >= 1e4) return compact(value);
    return `${+value.toPrecision(6)}`;
  }

  const compact = value =>
    Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);

  function axisOf(axis, colours, isX) {
    const common = {
      name: axis.name,
      nameTextStyle: {
        color: colours.soft, fontSize: 12, align: isX ? "center" : "left",
      },
      nameLocation: isX ? "middle" : "end",
      nameGap: isX ? 28 : 12,
      axisLine: { show: isX, onZero: false, lineStyle: { color: colours.soft } },
      axisTick: { show: isX, lineStyle: { color: colours.soft } },
      splitLine: { show: !isX, lineStyle: { color: colours.faint } },
      axisLabel: { color: colours.soft, fontSize: 11, hideOverlap: true },
    };
    if (axis.categories)
      return { ...common, type: "category", data: axis.categories, jitter: isX ? 28 : 0 };
    return {
      ...common,
      type: axis.isLogarithmic ? "log" : "value",
      scale: !axis.fromZero,
      minInterval: axis.isWhole ? 1 : 0,
      splitNumber: narrow() || !isX ? 4 : 6,
      axisLabel: { ...common.axisLabel, formatter: value => tick(axis, value) },
    };
  }

  const plane = (chart, colours, hasLegend) => ({
    grid: { left: 8, right: 18, top: hasLegend ? 58 : 30, bottom: 34, containLabel: true },
    xAxis: axisOf(chart.x, colours, true),
    yAxis: axisOf(chart.y, colours, false),
  });

  // ---- Charts --------------------------------------------------------------------------------

  function band(series, colour) {
    return {
      type: "custom", name: series.name, silent: true, z: 1, tooltip: { show: false },
      itemStyle: { color: colour }, clip: true, data: [series.band[0]], encode: { x: 0, y: [1, 2] },
      renderItem: (_, api) => ({
        type: "polygon",
        shape: {
          points: [
            ...series.band.map(([x, low]) => api.coord([x, low])),
            ...[...series.band].reverse().map(([x, , high]) => api.coord([x, high])),
          ],
        },
        style: { fill: colour, opacity: 0.16 },
      }),
    };
  }

  // Values of the band would else not count when the axes look for their ends.
  const bandEnds = series => ({
    type: "scatter", silent: true, symbolSize: 0, tooltip: { show: false },
    data: series.band.flatMap(([x, low, high]) => [[x, low], [x, high]]),
  });

  function line(chart, colours) {
    const strong = chart.series.filter(series => series.weight === "normal");
    const faint = chart.series.filter(series => series.weight === "faint");
    const names = strong.map(series => series.name);
    const hasLegend = names.length > 1;
    const few = chart.series.length <= 8;
    const option = { ...base(colours), ...plane(chart, colours, hasLegend), series: [] };
    option.legend = legend(colours, names);
    // A few epochs end where the axis ends; round ends suit thousands of steps better.
    const end = chart.series.flatMap(series => series.points).reduce((x, point) =>
      Math.max(x, point[0]), 0);
    if (chart.x.isWhole && end <= 40) option.xAxis.max = end;
    if (faint.length > 0) {
      // All in one: a line breaks where a point is empty.
      option.series.push({
        type: "line", name: "others", showSymbol: false, z: 1, silent: true,
        tooltip: { show: false }, lineStyle: { color: colours.ground, width: 1.2, opacity: 0.7 },
        data: faint.flatMap(series => [...series.points, [series.points.at(-1)?.[0], null]]),
      });
    }
    strong.forEach((series, index) => {
      const colour = colours.series[index % colours.series.length];
      if (series.band.length > 0) option.series.push(band(series, colour), bandEnds(series));
      option.series.push({
        type: "line", name: series.name, data: series.points, z: 3,
        symbol: symbols[index % symbols.length], symbolSize: 6,
        showSymbol: series.points.length <= 30, itemStyle: { color: colour },
        lineStyle: {
          color: colour, width: 2,
          type: dashes[Math.floor(index / colours.series.length) % dashes.length],
        },
        emphasis: { disabled: true },
      });
    });
    option.tooltip = {
      ...option.tooltip, trigger: few ? "axis" : "item",
      formatter: hits => {
        const list = (Array.isArray(hits) ? hits : [hits]).filter(hit =>
          hit.seriesType === "line");
        return list.length === 0 ? "" : rows(
          `${chart.x.name} ${show(chart.x, list[0].value[0])}`,
          list.map(hit => [hit.seriesName, show(chart.y, hit.value[1]), hit.color]));
      },
    };
    return option;
  }

  function bar(chart, colours) {
    const colour = colours.series[0];
    const names = chart.bars.map(item => item.name);
    const values = axisOf(chart.value, colours, true);
    const isBar = chart.value.fromZero;
    const label = item => ({
      show: true, position: "right", formatter: show(chart.value, item.value), fontSize: 11,
      color: colours.ink, distance: 6,
    });
    const option = {
      ...base(colours),
      grid: { left: 8, right: narrow() ? 60 : 76, top: 6, bottom: 34, containLabel: true },
      xAxis: { ...values, splitLine: { show: true, lineStyle: { color: colours.faint } } },
      yAxis: {
        type: "category", inverse: true, data: names,
        axisLine: { lineStyle: { color: colours.soft } }, axisTick: { show: false },
        splitLine: { show: !isBar, lineStyle: { color: colours.faint, type: "dotted" } },
        axisLabel: {
          color: colours.ink, fontSize: 12, width: narrow() ? 150 : 330, overflow: "truncate",
        },
      },
      series: [{
        type: isBar ? "bar" : "scatter", symbolSize: 9, z: 6, barMaxWidth: 18,
        itemStyle: { color: colour, borderRadius: isBar ? [0, 3, 3, 0] : 0 },
        data: chart.bars.map(item => ({
          value: item.value, label: item.high === undefined ? label(item) : { show: false },
        })),
      }],
    };
    if (chart.bars.some(item => item.low !== undefined))
      option.series.push(whiskers(chart, colours));
    option.tooltip = {
      ...option.tooltip, trigger: "axis", axisPointer: { type: "none" },
      formatter: hits => {
        const item = chart.bars[hits[0].dataIndex];
        const lines = [[chart.value.name, show(chart.value, item.value)]];
        if (item.low !== undefined)
          lines.push(["from", show(chart.value, item.low)], ["to", show(chart.value, item.high)]);
        return rows(item.name, lines);
      },
    };
    return option;
  }

  function whiskers(chart, colours) {
    return {
      type: "custom", z: 5, silent: true, encode: { x: [1, 2], y: 0 },
      data: chart.bars.map((item, index) =>
        [index, item.low ?? item.value, item.high ?? item.value, item.value]),
      renderItem: (_, api) => {
        const [left, y] = api.coord([api.value(1), api.value(0)]);
        const [right] = api.coord([api.value(2), api.value(0)]);
        const stroke = { stroke: colours.ink, lineWidth: 1.5, fill: "none" };
        const segment = (x1, y1, x2, y2) =>
          ({ type: "line", shape: { x1, y1, x2, y2 }, style: stroke });
        return {
          type: "group",
          children: [
            segment(left, y, right, y), segment(left, y - 4, left, y + 4),
            segment(right, y - 4, right, y + 4),
            {
              type: "text", x: right + 7, y,
              style: {
                text: show(chart.value, api.value(3)), fill: colours.ink, fontSize: 11,
                textVerticalAlign: "middle", verticalAlign: "middle",
              },
            },
          ],
        };
      },
    };
  }

  function scatter(chart, colours) {
    const names = chart.series.map(series => series.name);
    const option = { ...base(colours), ...plane(chart, colours, names.length > 1) };
    option.legend = legend(colours, names);
    option.series = chart.series.map((series, index) => ({
      type: series.isConnected ? "line" : "scatter", name: series.name, z: 2 + index,
      symbol: symbols[index % symbols.length], symbolSize: series.isConnected ? 9 : 7,
      showSymbol: true, itemStyle: {
        color: colours.series[index % colours.series.length],
        opacity: chart.series.length > 1 && index === 0 ? 0.55 : 0.85,
      },
      lineStyle: { width: 2 },
      data: series.points.map(point => ({ name: point.name, value: [point.x, point.y] })),
    }));
    option.tooltip = {
      ...option.tooltip, trigger: "item",
      formatter: hit => rows(hit.name, [
        [chart.x.name, show(chart.x, hit.value[0])], [chart.y.name, show(chart.y, hit.value[1])],
      ]),
    };
    return option;
  }

  function parallel(chart, colours) {
    const last = chart.axes.length - 1;
    const found = chart.lines.map(item => item.values[last]).filter(isNumber);
    // From reduce, because thousands of arguments are too many for Math.min.
    let low = found.reduce((a, b) => Math.min(a, b), Infinity);
    const high = found.reduce((a, b) => Math.max(a, b), -Infinity);
    // A few hopeless lines must not take all the colours from the others.
    const sorted = [...found].sort((a, b) => a - b);
    const from = chart.isMoreBetter ? sorted[Math.floor(sorted.length / 4)] ?? low : low;
    const to = chart.isMoreBetter ? high : sorted[Math.ceil(sorted.length * 0.75) - 1] ?? high;
    const upright = narrow();
    const ramp = [colours.ground, colours.series[0], colours.series[1]];
    const ordered = [...chart.lines].sort((a, b) =>
      (chart.isMoreBetter ? 1 : -1) * ((a.values[last] ?? 0) - (b.values[last] ?? 0)));
    const option = {
      ...base(colours),
      parallel: {
        left: upright ? 24 : 60, right: upright ? 34 : 70, top: upright ? 76 : 62,
        bottom: upright ? 30 : 24,
        layout: upright ? "vertical" : "horizontal",
        parallelAxisDefault: { areaSelectStyle: { width: 18 } },
      },
      visualMap: {
        show: true, type: "continuous", dimension: last, min: from, max: to, calculable: false,
        orient: "horizontal", right: 4, top: 0, itemWidth: 10, itemHeight: 110,
        text: [show(chart.axes[last], to), show(chart.axes[last], from)],
        textStyle: { color: colours.soft, fontSize: 11 },
        inRange: { color: chart.isMoreBetter ? ramp : [...ramp].reverse() },
      },
      parallelAxis: chart.axes.map((axis, dim) => ({
        dim, name: axis.name,
        type: axis.categories ? "category" : axis.isLogarithmic ? "log" : "value",
        data: axis.categories, scale: true,
        nameLocation: upright ? "middle" : "end",
        nameTextStyle: {
          color: colours.ink, fontSize: 11.5, align: "center", width: upright ? 240 : 120,
          overflow: "truncate", textBorderColor: colours.paper, textBorderWidth: 3,
        },
        nameGap: upright ? -18 : 10,
        axisLine: { lineStyle: { color: colours.soft, width: 1 } },
        axisTick: { lineStyle: { color: colours.soft } },
        axisLabel: {
          color: colours.ink, fontSize: 10.5, hideOverlap: true,
          textBorderColor: colours.paper, textBorderWidth: 3,
          formatter: axis.categories ? undefined : value => tick(axis, value),
        },
      })),
      series: [{
        type: "parallel", smooth: 0.12, inactiveOpacity: 0.04, activeOpacity: 1,
        lineStyle: { width: chart.lines.length > 200 ? 1 : 1.6, opacity: 0.75 },
        data: ordered.map(item => ({ name: item.name, value: item.values.map(v => v ?? "-") })),
      }],
    };
    option.tooltip = {
      ...option.tooltip, trigger: "item",
      formatter: hit => rows(hit.name, chart.axes.map((axis, index) =>
        [axis.name, show(axis, hit.value[index])])),
    };
    return option;
  }

  function heatMap(chart, colours) {
    const count = chart.labels.length;
    const cells = [];
    chart.rows.forEach((row, y) => {
      const total = row.reduce((sum, value) => sum + value, 0);
      row.forEach((value, x) => {
        const share = total > 0 ? value / total : 0;
        cells.push({
          value: [x, y, share, value],
          label: { color: share > 0.35 ? colours.paper : value ? colours.ink : colours.ground },
        });
      });
    });
    const axis = (name, isX) => ({
      type: "category", data: chart.labels, name, nameLocation: "middle",
      inverse: !isX, position: isX ? "top" : "left", splitArea: { show: false },
      nameGap: isX ? (narrow() ? 62 : 64) : 76,
      nameTextStyle: { color: colours.soft, fontSize: 12 },
      axisLine: { show: false }, axisTick: { show: false },
      axisLabel: {
        color: colours.ink, fontSize: 11, rotate: isX ? 45 : 0, interval: count > 60 ? "auto" : 0,
        width: narrow() ? 56 : 70, overflow: "truncate",
      },
    });
    const option = {
      ...base(colours),
      grid: { left: narrow() ? 84 : 100, right: 26, top: 88, bottom: 6 },
      xAxis: axis(chart.columnName, true), yAxis: axis(chart.rowName, false),
      visualMap: {
        show: false, min: 0, max: 1, dimension: 2,
        inRange: { color: shades(colours) },
      },
      series: [{
        type: "heatmap", data: cells,
        label: {
          show: count <= 12, fontSize: narrow() ? 9 : 11.5,
          formatter: cell => plain(cell.value[3]),
        },
        itemStyle: { borderColor: colours.paper, borderWidth: count <= 30 ? 1.5 : 0 },
        emphasis: { itemStyle: { borderColor: colours.ink, borderWidth: 1.5 } },
      }],
    };
    option.tooltip = {
      ...option.tooltip, trigger: "item",
      formatter: ({ value: [x, y, share, total] }) => rows(`${plain(total)} images`, [
        [chart.rowName, chart.labels[y]], [chart.columnName, chart.labels[x]],
        ["share of the row", `${(100 * share).toFixed(1)} %`],
      ]),
    };
    return option;
  }

  // Rare confusions are what is looked for: shades follow the root of the share.
  function shades(colours) {
    const mix = weight => echarts.color.lerp(weight, [colours.low, colours.high]);
    return [0, 1, 2, 3, 4, 5, 6, 7, 8].map(step => mix(Math.sqrt(step / 8)));
  }

  function timeline(chart, colours) {
    // Communication runs beside compute until a step has to wait for it, so that these add up.
    const hidden = span =>
      Math.max(0, Math.min(span.communicationMs - span.waitMs, span.computeMs));
    const parts = [
      ["computing", span => span.computeMs - hidden(span)],
      ["computing while communicating", hidden], ["waiting", span => span.waitMs],
    ];
    const most = chart.lanes.reduce((ends, lane) => lane.spans.reduce((end, span) =>
      Math.max(end, span.computeMs + span.waitMs), ends), 0);
    const axis = { name: "", isShare: false };
    const option = {
      ...base(colours), grid: [], xAxis: [], yAxis: [], series: [],
      legend: legend(colours, parts.map(([name]) => name)),
    };
    chart.lanes.forEach((lane, index) => {
      const isLast = index === chart.lanes.length - 1;
      option.grid.push({
        left: 84, right: 18, top: laneTop + index * laneHeight, height: laneHeight - 26,
      });
      option.xAxis.push({
        ...axisOf({ name: isLast ? "step" : "" }, colours, true), gridIndex: index,
        type: "category", data: lane.spans.map(span => span.lastStep),
        axisLabel: { show: isLast, color: colours.soft, fontSize: 11, hideOverlap: true },
      });
      option.yAxis.push({
        ...axisOf({ ...axis, fromZero: true }, colours, false), gridIndex: index, max: most,
        name: lane.name, nameLocation: "middle", nameGap: 46, nameRotate: 0,
        nameTextStyle: { color: colours.ink, fontSize: 12, align: "right" }, splitNumber: 2,
        axisLabel: {
          color: colours.soft, fontSize: 10.5, hideOverlap: true, showMaxLabel: false,
          formatter: value => `${+value.toPrecision(3)}`,
        },
      });
      parts.forEach(([name, read], part) => option.series.push({
        type: "bar", name, stack: `lane ${index}`, xAxisIndex: index, yAxisIndex: index,
        barCategoryGap: "8%", itemStyle: { color: colours.series[[0, 5, 1][part]] },
        data: lane.spans.map(read),
      }));
    });
    option.tooltip = {
      ...option.tooltip, trigger: "axis", axisPointer: { type: "none" },
      formatter: hits => rows(
        `${chart.lanes[hits[0].axisIndex ?? 0]?.name ?? ""}, to step ${hits[0].name}`,
        hits.map(hit => [hit.seriesName, `${plain(hit.value)} ms a step`, hit.color])),
    };
    option.graphic = {
      type: "text", right: 18, top: 4, silent: true,
      style: { text: "ms a step", fill: colours.soft, fontSize: 12 },
    };
    return option;
  }

  // ---- Drawing -------------------------------------------------------------------------------

  const laneHeight = 96, laneTop = 56;
  const cellHeight = chart =>
    chart.labels.length <= 12 ? 40 : chart.labels.length <= 30 ? 22 : 9;

  const heights = {
    line: () => 320,
    scatter: () => 320,
    bar: chart => 48 + 27 * chart.bars.length,
    parallel: chart => narrow() ? 90 + 86 * chart.axes.length : 400,
    heatMap: chart => 96 + cellHeight(chart) * chart.labels.length,
    timeline: chart => laneTop + laneHeight * chart.lanes.length + 26,
  };
  const builders = { line, bar, scatter, parallel, heatMap, timeline };
  // A program that was built without npm has written the tables alone.
  const canDraw = typeof echarts !== "undefined";
  const places = [...document.querySelectorAll(".plot")];
  if (!canDraw) places.forEach(place => { place.hidden = true; });
  const plots = canDraw ? places : [];
  const charts = new Map(plots.map(plot =>
    [plot, JSON.parse(plot.nextElementSibling.textContent)]));
  const drawn = new Map();

  // All at once and before anything is drawn, so that nothing moves under a reader.
  const measure = () => charts.forEach((chart, plot) => {
    plot.style.height = `${heights[chart.kind](chart)}px`;
    if (chart.kind === "heatMap")
      plot.style.maxWidth = `${150 + 1.6 * cellHeight(chart) * chart.labels.length}px`;
  });

  function draw(plot) {
    const chart = charts.get(plot);
    const option = builders[chart.kind](chart, theme());
    option.aria = { enabled: true, label: { description: plot.dataset.description } };
    let view = drawn.get(plot);
    if (!view) {
      view = echarts.init(plot, null, { renderer: "svg" });
      drawn.set(plot, view);
    }
    view.resize();
    view.setOption(option, { notMerge: true });
  }

  function redraw() {
    measure();
    drawn.forEach((_, plot) => draw(plot));
  }

  function drawAll() {
    plots.forEach(plot => { if (!drawn.has(plot)) draw(plot); });
  }

  if (plots.length > 0) {
    measure();
    // Charts that nobody has scrolled to cost nothing.
    const seen = new IntersectionObserver(entries => entries.forEach(entry => {
      if (!entry.isIntersecting) return;
      seen.unobserve(entry.target);
      if (!drawn.has(entry.target)) draw(entry.target);
    }), { rootMargin: "400px" });
    plots.forEach(plot => seen.observe(plot));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    let waiting = 0, width = root.clientWidth;
    addEventListener("resize", () => {
      if (root.classList.contains("on-paper") || root.clientWidth === width) return;
      width = root.clientWidth;
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(redraw);
    });
    // Paper is light and narrower than most windows.
    addEventListener("beforeprint", () => {
      root.classList.add("on-paper");
      drawAll();
      redraw();
    });
    addEventListener("afterprint", () => {
      root.classList.remove("on-paper");
      redraw();
    });
  }

  // ---- Tables --------------------------------------------------------------------------------

  const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  function keyOf(row, column) {
    const cell = row.cells[column];
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    const text = cell.textContent.trim();
    return text === "" || text === "–" ? null : text;
  }

  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return words.compare(String(a), String(b));
  }

  function sort(table, column) {
    const header = table.tHead.rows[0].cells[column];
    const descends = header.getAttribute("aria-sort") === "ascending";
    const body = table.tBodies[0];
    const keyed = [...body.rows].map(row => ({ row, key: keyOf(row, column) }));
    // What is missing stays at the end either way.
    keyed.sort((a, b) => a.key === null || b.key === null
      ? (a.key === null) - (b.key === null)
      : (descends ? -1 : 1) * compare(a.key, b.key));
    body.append(...keyed.map(item => item.row));
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", descends ? "descending" : "ascending");
    limit(table);
    document.getElementById("announcement").textContent = `Sorted by ${
      header.textContent.trim()}, ${descends ? "largest" : "smallest"} first`;
  }

  function limit(table) {
    const shown = table.dataset.all ? Infinity : Number(table.dataset.rowsShown);
    [...table.tBodies[0].rows].forEach((row, index) => { row.hidden = index >= shown; });
  }

  document.querySelectorAll("table").forEach(table => {
    table.tHead.addEventListener("click", event => {
      const cell = event.target.closest("th");
      if (cell) sort(table, cell.cellIndex);
    });
    const more = table.parentElement.nextElementSibling;
    if (more?.classList.contains("more")) {
      limit(table);
      more.hidden = false;
      more.addEventListener("click", () => {
        table.dataset.all = "yes";
        limit(table);
        more.remove();
      });
    }
  });
})();
