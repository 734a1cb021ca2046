// Log lines of the coordinator and of the workers, as they come.

import { el } from "./dom.js";
import { count, natural, time } from "./format.js";
import { state } from "./store.js";
import { Table } from "./table.js";

const levels = ["Error", "Warning", "Info", "Debug"];

const columns = [
  { key: "at", name: "When", width: 110, isText: true, show: line => time(line.ms) },
  {
    key: "level", name: "Level", width: 85, isText: true, show: line => line.level,
    class: line => `is-${line.level.toLowerCase()}`,
  },
  { key: "node", name: "Node", width: 130, isText: true, show: line => line.node },
  { key: "source", name: "Source", width: 170, isText: true, show: line => line.source },
  { key: "text", name: "Text", width: 640, isText: true, show: line => line.text },
];

export function logs() {
  let sorted = { key: "at", isDescending: false };
  const level = el("select", { id: "log-level", onchange: () => show() },
    levels.map(name => el("option", { value: name, selected: name === "Info" },
      name === "Error" ? "errors" : `${name.toLowerCase()} and worse`)));
  const node = el("select", { id: "log-node", onchange: () => show() },
    el("option", { value: "" }, "all"));
  const text = el("input", {
    type: "search", id: "log-filter", autocomplete: "off", oninput: () => show(),
  });
  const follow = el("input", {
    type: "checkbox", id: "log-follow", checked: true, onchange: () => show(),
  });
  const whole = el("p", { class: "note detail", role: "status" });
  const table = new Table(columns, {
    label: "Log lines", empty: "No line fits.", sorted, height: 20,
    sort: (key, isDescending) => {
      sorted = { key, isDescending };
      show();
    },
    open: line => {
      whole.textContent = `${line.node} ${line.source}: ${line.text}`;
    },
  });
  let nodes = "";

  function show() {
    const most = levels.indexOf(level.value);
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = state.logs.filter(line => levels.indexOf(line.level) <= most
      && (node.value === "" || line.node === node.value)
      && words.every(word => `${line.source} ${line.text}`.toLowerCase().includes(word)));
    if (sorted.key !== "at") {
      const column = columns.find(each => each.key === sorted.key);
      rows.sort((a, b) => (sorted.isDescending ? -1 : 1)
        * natural(column.show(a), column.show(b)));
    } else if (sorted.isDescending) rows.reverse();
    table.set(rows, `${count(rows.length, "line")} of the last ${state.logs.length}`);
    if (!follow.checked || sorted.key !== "at") return;
    // The newest line stays in sight.
    table.scroller.scrollTop = sorted.isDescending ? 0 : table.scroller.scrollHeight;
  }

  function showNodes() {
    const found = [...new Set(state.logs.map(line => line.node))].sort(natural);
    if (found.join("\n") === nodes) return;
    nodes = found.join("\n");
    const chosen = node.value;
    node.replaceChildren(el("option", { value: "" }, "all"),
      ...found.map(name => el("option", { value: name, selected: name === chosen }, name)));
  }

  return {
    title: "Logs",
    element: el("div", {}, el("h1", {}, "Logs"),
      el("div", { class: "controls" },
        el("label", { for: "log-level" }, "Level"), level,
        el("label", { for: "log-node" }, "Node"), node,
        el("label", { for: "log-filter" }, "Text"), text,
        el("label", { class: "check" }, follow, "follow")),
      table.element, whole),
    update(changes) {
      if (changes && !changes.isWhole && changes.logs.length === 0) return;
      showNodes();
      show();
    },
  };
}
