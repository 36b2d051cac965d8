/* Hides packets, moves the others together, and shows the fields of one. */
(function () {
	"use strict";
	/* As in ladder_svg.c. */
	const TOP = 126, PITCH = 30, BOTTOM = 50, GAP_HIGH = 26;
	const LEGEND = 34; /* its height: the page has a better one */
	const svg = document.querySelector("svg.ladder");
	const gap_least = +svg.dataset.gap;
	const rows = Array.from(svg.querySelectorAll(".row"));
	const fields = document.getElementById("fields");
	const find = document.getElementById("find");
	const which = document.getElementById("connection");
	const head = document.querySelector("header");
	let pinned = null;

	/* The header's height, for what sticks below it. */
	new ResizeObserver(() => document.documentElement.style.setProperty(
		"--head", `${head.offsetHeight}px`)).observe(head);
	svg.querySelector(".page").setAttribute("y", LEGEND);

	for (const row of rows) {
		const title = row.querySelector("title");

		row.fields = title ? title.textContent : "";
		if (title)
			title.remove();
	}

	function wanted() {
		const kinds = new Set();
		const text = find.value.trim().toLowerCase();

		for (const box of document.querySelectorAll("[data-show]"))
			if (box.checked)
				kinds.add(box.dataset.show);
		return (row) => kinds.has(row.dataset.kind) &&
			(!which.value || row.dataset.connection === which.value) &&
			(!text || row.fields.toLowerCase().includes(text) ||
			 row.textContent.toLowerCase().includes(text));
	}

	function duration(nsec) {
		if (nsec < 1e6)
			return Math.floor(nsec / 1e3) + " µs later";
		if (nsec < 1e9)
			return (nsec / 1e6).toFixed(2) + " ms later";
		return (nsec / 1e9).toFixed(2) + " s later";
	}

	const lifelines = svg.querySelectorAll(".life");
	function set_gap(row, nsec) {
		let gap = row.querySelector(".gap");

		if (nsec < gap_least) {
			if (gap)
				gap.remove();
			return;
		}
		if (!gap) {
			const ns = svg.namespaceURI;
			const at = Array.from(lifelines, (l) => +l.dataset.x);
			const path = document.createElementNS(ns, "path");
			const text = document.createElementNS(ns, "text");

			gap = document.createElementNS(ns, "g");
			gap.setAttribute("class", "gap");
			gap.setAttribute("transform", "translate(0,-26)");
			path.setAttribute("d", at.map((x) => `M${x} -9v18`).join(""));
			text.setAttribute("x", (at[0] + at[1]) / 2);
			text.setAttribute("y", 4);
			gap.append(path, text);
			row.prepend(gap);
		}
		gap.querySelector("text").textContent = duration(nsec);
	}

	function arrange() {
		const is_wanted = wanted();
		let y = TOP, before = null, n = 0;

		for (const row of rows) {
			row.hidden_now = !is_wanted(row);
			row.style.display = row.hidden_now ? "none" : "";
			if (row.hidden_now)
				continue;
			const nsec = before ? row.dataset.nsec - before.dataset.nsec : 0;

			set_gap(row, nsec);
			y += nsec >= gap_least ? GAP_HIGH : 0;
			row.setAttribute("transform", `translate(0,${y})`);
			y += PITCH;
			before = row;
			n++;
		}
		for (const line of lifelines)
			line.setAttribute("d", `M${line.dataset.x} 84V${y + 6}`);
		svg.querySelector(".scope").setAttribute("y", y + BOTTOM - 16);
		svg.setAttribute("height", y + BOTTOM - LEGEND);
		svg.setAttribute("viewBox",
			`0 ${LEGEND} ${svg.getAttribute("width")} ${y + BOTTOM - LEGEND}`);
		document.getElementById("shown").textContent =
			(n === rows.length ? "" : `${n} of `) +
			(rows.length === 1 ? "1 packet" : `${rows.length} packets`);
	}

	function show(row) {
		fields.replaceChildren();
		for (const line of row.fields.split("\n")) {
			const space = line.indexOf(" ");
			const name = document.createElement("dt");
			const value = document.createElement("dd");

			name.textContent = line.slice(0, space).replace(/_/g, " ");
			value.textContent = line.slice(space + 1);
			fields.append(name, value);
		}
	}

	function pin(row) {
		if (pinned)
			pinned.classList.remove("chosen");
		pinned = pinned === row ? null : row;
		if (!pinned)
			return;
		pinned.classList.add("chosen");
		show(pinned);
	}

	/* The first that can be seen, if none is chosen. */
	function first_in_sight() {
		return rows.findIndex((row) => !row.hidden_now &&
			row.getBoundingClientRect().top >= head.offsetHeight);
	}

	function step(by) {
		let at = pinned ? rows.indexOf(pinned) + by : first_in_sight();

		while (rows[at] && rows[at].hidden_now)
			at += by;
		if (!rows[at])
			return;
		pin(rows[at]);
		rows[at].scrollIntoView({block: "nearest"});
	}

	for (const row of rows) {
		row.addEventListener("mouseenter", () => pinned || show(row));
		row.addEventListener("click", () => pin(row));
	}
	for (const input of document.querySelectorAll("input, select"))
		input.addEventListener("input", arrange);
	document.addEventListener("keydown", (event) => {
		if (event.ctrlKey || event.altKey || event.metaKey)
			return;
		if (/^(INPUT|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox")
			return;
		if (event.key === "ArrowDown" || event.key === "j")
			step(1);
		else if (event.key === "ArrowUp" || event.key === "k")
			step(-1);
		else if (event.key === "Escape" && pinned)
			pin(pinned);
		else if (event.key === "/")
			find.focus();
		else
			return;
		event.preventDefault();
	});
	arrange();
})();
