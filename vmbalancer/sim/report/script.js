"use strict";
// Draws the league that stands in this page as JSON. All of its text is hostile: it reaches the page as
// text nodes and attribute values alone, never as markup.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const HAND = "hand";
  const KNOWN = ["balance", "hand", "none", "moron", "home-node", "cpu-follows-memory", "autonuma", "numa-core",
    "adaptive-affinity", "recorded"];
  const DASH = { hand: "7 5", none: "2 4", moron: "9 3 2 3", recorded: "4 3" };
  const ROWS_MAX = 40;
  const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

  // --- building ---
  const put = (node, attributes, children) => {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "style") for (const [key, what] of Object.entries(value)) node.style.setProperty(key, what);
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  };
  const h = (tag, attributes, ...children) => put(document.createElement(tag), attributes, children);
  const s = (tag, attributes, ...children) => put(document.createElementNS(SVG, tag), attributes, children);
  const text = (x, y, what, attributes) => s("text", { x, y, ...attributes }, what);

  // --- words ---
  // What would steer, reorder or hide text is shown as an escape.
  const shown = (name) => String(name ?? "?").replace(/[\p{C}\p{Zl}\p{Zp}]/gu,
    (c) => "\\u{" + c.codePointAt(0).toString(16) + "}");
  const cut = (name, length) => {
    const letters = [...name];
    return letters.length > length ? letters.slice(0, length - 1).join("") + "…" : name;
  };
  // By way of basis points, so that halves are rounded as the command rounds them.
  const percent = (share) => share === null ? "–" : (Math.round(share * 10000) / 100).toFixed(1) + " %";
  const bytes = (count) => {
    let unit = 0, value = Number(count);
    for (; value >= 1023.5 && unit + 1 < UNITS.length; unit++) value /= 1024;
    return value.toFixed(unit >= 3 && value < 99.95 ? 1 : 0) + " " + UNITS[unit];
  };
  const duration = (seconds) => {
    if (seconds === null) return "never";
    if (seconds < 60) return Number(seconds.toFixed(1)) + " s";
    const minutes = Math.round(seconds / 60);
    if (seconds < 3600) return seconds % 60 < 1 ? minutes + " min" : Math.floor(seconds / 60) + " min " + Math.round(seconds % 60) + " s";
    return Math.floor(minutes / 60) + " h" + (minutes % 60 ? " " + minutes % 60 + " min" : "");
  };
  const times = (ratio) => ratio === null ? "–" : ratio.toFixed(2) + "×";

  const others = [];
  const colour = (policy) => {
    if (KNOWN.includes(policy)) return `var(--c-${policy})`;
    if (!others.includes(policy)) others.push(policy);
    return `var(--c-other-${others.indexOf(policy) % 3})`;
  };
  const key = (policy) => h("span", { class: "key", style: { background: colour(policy) }, "aria-hidden": "true" });
  // Drawn last is drawn on top.
  const depth = (row) => ({ none: 0, hand: 1, balance: 9 })[row.policy] ?? 5;

  // --- scales ---
  const step = (span, count) => {
    const raw = span / count, size = 10 ** Math.floor(Math.log10(raw));
    return [1, 2, 5, 10].find((n) => n * size >= raw) * size;
  };
  const timeStep = (span) => [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200]
    .find((n) => span / n <= 8) || 86400 * Math.ceil(span / 86400 / 8);

  // --- locality over time ---
  const curvePath = (row, x, y) => {
    let path = "", open = false;
    row.local.forEach((share, i) => {
      if (share === null) { open = false; return; }
      path += (open ? "L" : "M") + x(row.time[i]).toFixed(1) + " " + y(share).toFixed(1);
      open = true;
    });
    return path;
  };
  const axes = (box, span, x, y) => {
    const parts = [];
    for (let share = 0; share <= 1.001; share += 0.25) {
      parts.push(s("line", { class: "grid", x1: box.left, x2: box.right, y1: y(share), y2: y(share) }),
        text(box.left - 8, y(share) + 4, Math.round(share * 100) + " %", { "text-anchor": "end" }));
    }
    for (let t = 0; t <= span * 1.0001; t += timeStep(span))
      parts.push(text(x(t), box.bottom + 20, t === 0 ? "0" : duration(t), { "text-anchor": "middle" }));
    parts.push(s("line", { class: "goal", x1: box.left, x2: box.right, y1: y(0.95), y2: y(0.95) }));
    return parts;
  };
  const nearest = (row, t) => {
    let best = 0;
    row.time.forEach((when, i) => { if (Math.abs(when - t) < Math.abs(row.time[best] - t)) best = i; });
    return best;
  };
  const pointing = (plot, svg, box, span, rows, hidden) => {
    const cross = s("line", { class: "cross", y1: box.top, y2: box.bottom, visibility: "hidden" });
    const tip = h("div", { class: "tip", hidden: "" });
    svg.append(cross);
    plot.append(tip);
    const leave = () => { tip.hidden = true; cross.setAttribute("visibility", "hidden"); };
    svg.addEventListener("pointerleave", leave);
    svg.addEventListener("pointermove", (event) => {
      const area = svg.getBoundingClientRect(), at = (event.clientX - area.left) / area.width * box.width;
      if (at < box.left || at > box.right) return leave();
      const t = (at - box.left) / (box.right - box.left) * span;
      tip.replaceChildren(h("b", null, duration(t)), ...rows.filter((row) => !hidden.has(row.policy))
        .map((row) => [row, row.local[nearest(row, t)] ?? null]).sort((a, b) => (b[1] ?? -1) - (a[1] ?? -1))
        .map(([row, share]) => h("div", null, h("span", null, key(row.policy), shown(row.policy)), h("span", null, percent(share)))));
      tip.hidden = false;
      tip.style.setProperty(at > box.width / 2 ? "right" : "left", (at > box.width / 2 ? 100 - at / box.width * 100 : at / box.width * 100) + 1.5 + "%");
      tip.style.removeProperty(at > box.width / 2 ? "left" : "right");
      cross.setAttribute("x1", at);
      cross.setAttribute("x2", at);
      cross.setAttribute("visibility", "visible");
    });
  };
  const legend = (rows, curves, hidden) => h("div", { class: "legend", role: "group", "aria-label": "Policies shown" },
    ...rows.map((row) => h("button", { type: "button", "aria-pressed": "true", onclick: (event) => {
      const off = !hidden.delete(row.policy);
      if (off) hidden.add(row.policy);
      curves.get(row.policy).setAttribute("visibility", off ? "hidden" : "visible");
      event.currentTarget.setAttribute("aria-pressed", String(!off));
    } }, s("svg", { viewBox: "0 0 24 10", "aria-hidden": "true" }, s("line", { x1: 1, x2: 23, y1: 5, y2: 5, class: "curve",
      "stroke-dasharray": DASH[row.policy], style: { stroke: colour(row.policy), "stroke-width": "3" } })), shown(row.policy))));
  const curveTable = (rows, span) => {
    const points = Array.from({ length: 9 }, (_, i) => span * i / 8);
    return h("details", null, h("summary", null, "As a table"), h("div", { class: "scroll", tabindex: "0" }, h("table", null,
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "Local share after"),
        ...points.map((t) => h("th", { scope: "col" }, duration(t))))),
      h("tbody", null, ...rows.map((row) => h("tr", { class: row.policy === HAND ? "hand" : null },
        h("th", { scope: "row" }, key(row.policy), shown(row.policy)),
        ...points.map((t) => h("td", null, percent(row.local[nearest(row, t)] ?? null)))))))));
  };
  const localityFigure = (scenario) => {
    const rows = scenario.policies.filter((row) => row.time.length > 0);
    if (rows.length === 0) return null;
    const box = { width: 1040, height: 340, left: 52, right: 1028, top: 10, bottom: 305 };
    const span = Math.max(1, ...rows.map((row) => row.time[row.time.length - 1]));
    const x = (t) => box.left + t / span * (box.right - box.left);
    const y = (share) => box.bottom - share * (box.bottom - box.top);
    const curves = new Map(rows.map((row) => [row.policy, s("path", { class: row.policy === "balance" ? "curve first" : "curve",
      d: curvePath(row, x, y), "stroke-dasharray": DASH[row.policy], style: { stroke: colour(row.policy) } }, s("title", null, shown(row.policy)))]));
    const best = rows[0];
    const svg = s("svg", { viewBox: `0 0 ${box.width} ${box.height}`, role: "img", class: "locality" },
      s("title", null, "Local share of memory accesses over time, by policy"),
      s("desc", null, `Over ${duration(span)}; most local accesses: ${shown(best.policy)}, ${percent(best.local_share)} in all.`),
      ...axes(box, span, x, y), ...[...rows].sort((a, b) => depth(a) - depth(b)).map((row) => curves.get(row.policy)));
    const hidden = new Set(), plot = h("div", { class: "plot" }, svg);
    pointing(plot, svg, box, span, rows, hidden);
    return h("figure", null, h("figcaption", null, h("h3", null, "Locality over time"),
      h("span", null, "local share of the accesses made at each moment; the dotted line is 95 %")),
    legend(rows, curves, hidden), plot, curveTable(rows, span));
  };

  // --- bytes moved ---
  const bytesFigure = (scenario) => {
    const rows = scenario.policies.filter((row) => row.policy !== HAND);
    const most = Math.max(1, ...rows.map((row) => Number(row.bytes_moved)));
    const left = 140, width = 520, high = 26, bar = (row) => Number(row.bytes_moved) / most * (width - left - 80);
    return h("figure", null, h("figcaption", null, h("h3", null, "Bytes moved"), h("span", null, "less is better, locality being equal")),
      s("svg", { viewBox: `0 0 ${width} ${rows.length * high + 4}`, role: "img", class: "bytes" },
        s("title", null, "Bytes moved, by policy"),
        s("desc", null, rows.map((row) => `${shown(row.policy)}: ${bytes(row.bytes_moved)}`).join("; ")),
        ...rows.flatMap((row, i) => [
          text(left - 10, i * high + 17, cut(shown(row.policy), 20), { "text-anchor": "end", class: row.policy === "balance" ? "strong" : null }),
          s("rect", { x: left, y: i * high + 4, height: high - 8, rx: 3, width: Math.max(bar(row), 1.5), style: { fill: colour(row.policy) } }),
          text(left + Math.max(bar(row), 1.5) + 7, i * high + 17, bytes(row.bytes_moved), { class: "strong" })])));
  };

  // --- guests by node ---
  const sum = (list) => list.reduce((total, value) => total + Number(value), 0);
  const heatCell = (x, y, width, high, share, label) => [
    s("rect", { x: x + 1, y: y + 1, width: width - 2, height: high - 2, rx: 3, style: { fill: `rgb(var(--heat) / ${(0.06 + 0.94 * share).toFixed(3)})` } },
      s("title", null, label)),
    width >= 30 && share >= 0.005 ? text(x + width / 2, y + high / 2 + 4, Math.round(share * 100), { "text-anchor": "middle",
      "pointer-events": "none", style: { fill: share > 0.5 ? "var(--heat-ink)" : "var(--ink)" } }) : null];
  const heatMap = (row) => {
    const guests = row.guests.slice(0, ROWS_MAX), nodes = Math.max(1, ...guests.map((guest) => guest.before.length));
    const left = 132, gap = 26, high = 22, top = 40, width = 520, cell = (width - left - gap) / (2 * nodes);
    const sides = [["before", "Before", left], ["after", "After", left + nodes * cell + gap]];
    const parts = sides.flatMap(([, title, x]) => [text(x, 12, title, { class: "strong" }),
      ...Array.from({ length: nodes }, (_, n) => cell >= 12 ? text(x + (n + 0.5) * cell, 32, n, { "text-anchor": "middle" }) : null)]);
    guests.forEach((guest, g) => {
      const y = top + g * high, name = shown(guest.name);
      parts.push(s("text", { x: left - 10, y: y + 15, "text-anchor": "end", class: "strong" }, cut(name, 18), s("title", null, name)));
      for (const [side, title, x] of sides) {
        const all = sum(guest[side]);
        guest[side].forEach((count, n) => parts.push(...heatCell(x + n * cell, y, cell, high, all > 0 ? Number(count) / all : 0,
          `${name}, ${title.toLowerCase()}, node ${n}: ${bytes(count)}`)));
      }
    });
    return s("svg", { viewBox: `0 0 ${width} ${top + guests.length * high}`, role: "img", class: "heat" },
      s("title", null, `Where each guest's memory lay before and after ${shown(row.policy)}, in % by node`),
      s("desc", null, "The same numbers stand in the table below it."), ...parts.filter((part) => part));
  };
  const heatTable = (row) => {
    const nodes = Math.max(1, ...row.guests.map((guest) => guest.before.length));
    const heads = ["before", "after"].flatMap((side) => Array.from({ length: nodes }, (_, n) => h("th", { scope: "col" }, `${side}: ${n}`)));
    return h("details", null, h("summary", null, "As a table"), h("div", { class: "scroll", tabindex: "0" }, h("table", null,
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "Guest"), ...heads)),
      h("tbody", null, ...row.guests.slice(0, ROWS_MAX).map((guest) => h("tr", null, h("th", { scope: "row" }, h("bdi", null, shown(guest.name))),
        ...[...guest.before, ...guest.after].map((count) => h("td", null, bytes(count)))))))));
  };
  const heatFigure = (scenario) => {
    const rows = scenario.policies.filter((row) => row.guests.length > 0);
    if (rows.length === 0) return null;
    const body = h("div", null);
    const show = (row) => body.replaceChildren(heatMap(row), row.guests_in_all > Math.min(ROWS_MAX, row.guests.length) ?
      h("p", { class: "note" }, `The ${Math.min(ROWS_MAX, row.guests.length)} largest of ${row.guests_in_all} guests.`) : "", heatTable(row));
    const first = rows.find((row) => row.policy === "balance") || rows[0];
    const choice = h("select", { onchange: (event) => show(rows[event.target.selectedIndex]) },
      ...rows.map((row) => h("option", { selected: row === first ? "" : null }, shown(row.policy))));
    show(first);
    return h("figure", null, h("figcaption", null, h("h3", null, "Guests by node"), h("span", null, "% of each guest's memory"),
      h("label", null, "under ", choice)), body);
  };

  // --- numbers ---
  const COLUMNS = [
    ["Local accesses", (row) => row.local_share, percent, -1], ["Mean locality", (row) => row.mean_locality, percent, -1],
    ["Worst guest", (row) => row.worst_locality, percent, -1], ["Time to 95 %", (row) => row.seconds_to_95, duration, 1],
    ["Moved", (row) => row.bytes_moved, bytes, 0], ["Moves", (row) => row.moves, String, 0],
    ["Ping-pongs", (row) => row.ping_pongs, String, 0], ["CPU overload", (row) => row.cpu_overload, percent, 1],
    ["Time vs hand", (row) => row.slowdown_versus_hand, times, 1]];
  const isBest = (rows, row, [, read, , sign]) => {
    const values = rows.filter((one) => one.policy !== HAND).map(read).filter((value) => value !== null);
    // Where all are alike none is best.
    return sign !== 0 && row.policy !== HAND && read(row) !== null && values.some((value) => value !== values[0]) && values.every((value) => (read(row) - value) * sign <= 0);
  };
  const scoreTable = (scenario) => h("div", { class: "scroll", tabindex: "0" }, h("table", { class: "scores" },
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "Policy"), ...COLUMNS.map(([title]) => h("th", { scope: "col" }, title)))),
    h("tbody", null, ...scenario.policies.map((row) => h("tr", { class: row.policy === HAND ? "hand" : null },
      h("th", { scope: "row" }, key(row.policy), shown(row.policy)),
      ...COLUMNS.map((column) => h("td", { class: isBest(scenario.policies, row, column) ? "best" : null }, column[2](column[1](row)))))))));
  const scenarioCard = (scenario, index) => h("section", { class: "card", id: `scenario-${index}`, "aria-labelledby": `title-${index}` },
    h("h2", { id: `title-${index}` }, h("bdi", null, shown(scenario.name))), scenario.why ? h("p", { class: "why" }, shown(scenario.why)) : null,
    localityFigure(scenario), scoreTable(scenario), h("div", { class: "pair" }, bytesFigure(scenario), heatFigure(scenario)));

  // --- all scenarios at a glance ---
  const matrixCell = (row, best) => {
    if (!row) return h("td", null, "–");
    const high = row.policy !== HAND && row.local_share >= best - 0.00005;
    return h("td", { class: high ? "best" : null, style: { background: `rgb(var(--heat) / ${(0.04 + 0.96 * (Math.max(0, row.local_share - 0.2) / 0.8) ** 2).toFixed(3)})`,
      color: row.local_share > 0.94 ? "var(--heat-ink)" : "var(--ink)" } }, percent(row.local_share) + (high ? " ●" : ""));
  };
  const matrix = (scenarios, policies) => h("section", { class: "card", "aria-labelledby": "glance" },
    h("h2", { id: "glance" }, "At a glance"),
    h("p", { class: "why" }, "Share of all memory accesses that were local. ● marks each world's best; hand is the best placement that was found by search and never moves: a measure, not a rival."),
    h("div", { class: "scroll", tabindex: "0" }, h("table", { class: "matrix" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "World"), ...policies.map((policy) => h("th", { scope: "col" }, shown(policy))))),
      h("tbody", null, ...scenarios.map((scenario, index) => {
        const best = Math.max(...scenario.policies.filter((row) => row.policy !== HAND).map((row) => row.local_share));
        return h("tr", null, h("th", { scope: "row" }, h("a", { href: `#scenario-${index}` }, h("bdi", null, shown(scenario.name)))),
          ...policies.map((policy) => matrixCell(scenario.policies.find((row) => row.policy === policy), best)));
      })))));
  const standing = (scenarios) => {
    const shares = new Map();
    scenarios.forEach((scenario) => scenario.policies.forEach((row) => shares.set(row.policy, [...shares.get(row.policy) || [], row.local_share])));
    const rank = (policy) => policy === HAND ? -1 : sum(shares.get(policy)) / shares.get(policy).length;
    return [...shares.keys()].sort((a, b) => rank(b) - rank(a));
  };

  const root = document.documentElement, main = document.getElementById("main");
  try {
    const league = JSON.parse(document.getElementById("league").textContent), scenarios = league.scenarios;
    const policies = standing(scenarios);
    document.getElementById("lede").append(league.about ? shown(league.about) :
      `How close guests were to their memory under ${policies.filter((policy) => policy !== HAND).length} policies, in ${scenarios.length} simulated ` +
      `world${scenarios.length === 1 ? "" : "s"}. A world is the same for all of them (seed ${shown(league.seed)}), and the numbers are what was really so in it, not what a policy could see.`);
    if (scenarios.length > 1) main.append(matrix(scenarios, policies));
    main.append(...scenarios.map(scenarioCard));
    root.dataset.state = "ready";
  } catch (error) {
    root.dataset.state = "failed";
    main.append(h("p", { class: "note" }, "This page could not be drawn: " + error.message));
    throw error;
  }
})();
