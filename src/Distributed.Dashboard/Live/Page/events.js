// What has happened, the newest first; failures with their reasons.

import { el } from "./dom.js";
import { count, time } from "./format.js";
import { state } from "./store.js";
import { Table } from "./table.js";

const columns = [
  { key: "at", name: "When", width: 110, isText: true, show: row => time(row.ms) },
  {
    key: "failure", name: "Kind", width: 160, isText: true,
    show: row => `${row.isFailure ? "! " : ""}${row.kind}`,
    class: row => row.isFailure ? "is-failed" : "",
  },
  { key: "subject", name: "Whom", width: 170, isText: true, show: row => row.subject },
  { key: "text", name: "What and why", width: 620, isText: true, show: row => row.text },
];

export function events() {
  let isNewestFirst = true;
  const only = el("input", { type: "checkbox", id: "only-failures", onchange: () => show() });
  const text = el("input", {
    type: "search", id: "event-filter", autocomplete: "off", oninput: () => show(),
  });
  const reason = el("p", { class: "note detail", role: "status" });
  const table = new Table(columns, {
    label: "Happenings", empty: "Nothing fits.", sorted: { key: "at", isDescending: true },
    height: 20,
    sort: (key, isDescending) => {
      isNewestFirst = key !== "at" || isDescending;
      show();
    },
    open: row => {
      reason.textContent = `${row.subject}: ${row.text}`;
    },
  });

  function show() {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = state.happenings.filter(row => (!only.checked || row.isFailure)
      && words.every(word =>
        `${row.kind} ${row.subject} ${row.text}`.toLowerCase().includes(word)));
    if (isNewestFirst) rows.reverse();
    table.set(rows, count(rows.length, "happening"));
  }

  return {
    title: "Happenings",
    element: el("div", {}, el("h1", {}, "Happenings"),
      el("div", { class: "controls" },
        el("label", { for: "event-filter" }, "Filter"), text,
        el("label", { class: "check" }, only, "failures only")),
      table.element, reason),
    update(changes) {
      if (!changes || changes.isWhole || changes.happenings.length > 0) show();
    },
  };
}
