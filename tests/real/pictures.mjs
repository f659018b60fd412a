// Whether Mermaid's own parser and Graphviz itself see in the pictures of a folder what the strict grammars of the test
// `pictures` saw: `node pictures.mjs MERMAID.MIN.JS VIZ.CJS FOLDER`.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import vm from "node:vm";

const [mermaidPath, vizPath, folder] = process.argv.slice(2);

// What the cleaner of HTML in Mermaid asks of a window before it says that it cannot work here, and hands everything on.
globalThis.window = { document: { nodeType: 9, createElement: () => ({}) }, Element: class {} };
vm.runInThisContext(readFileSync(mermaidPath, "utf8"));
const mermaid = globalThis.mermaid;
const viz = await createRequire(import.meta.url)(resolve(vizPath)).instance();

// Mermaid keeps `#34;` in a form of its own until it draws. A joiner keeps a backslash and an `n` apart.
const shown = (label) =>
    label
        .replaceAll("<br/>", "\n")
        .replace(/ﬂ°°(\d+)¶ß/g, (_, number) => String.fromCodePoint(number))
        .replaceAll("\u2060", "");

const sorted = (pairs) => [...pairs].sort(([one], [other]) => (one < other ? -1 : 1));

async function checkMermaid({ mermaid: text, nodes, frames, edges }) {
    await mermaid.parse(text);
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
    const open = db.getSubGraphs().map(({ id, title }) => [id, shown(title)]);
    const ids = new Set(open.map(([id]) => id));
    const vertices = [...db.getVertices()].filter(([id]) => !ids.has(id)).map(([id, { text }]) => [id, shown(text)]);
    assert.deepEqual(sorted(vertices), sorted(nodes));
    assert.deepEqual(sorted(open), sorted(frames));
    assert.equal(db.getEdges().length, edges);
}

const entities = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const decoded = (text) =>
    text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (_, hex, number, word) =>
        word ? entities[word] : String.fromCodePoint(hex ? parseInt(hex, 16) : Number(number)));
// A second space in a row is one that does not break.
const spaced = (pairs) => sorted(pairs).map(([id, label]) => [id, label.replaceAll("\u00a0", " ")]);

function checkDot({ dot: text, nodes, frames, edges }) {
    const { status, output, errors } = viz.render(text, { format: "svg" });
    assert.equal(status, "success", JSON.stringify(errors));
    // Fonts of systems are none of this one's.
    assert.deepEqual(errors.filter(({ message }) => !message.includes("width of non-ASCII character")), []);
    const groups = [...output.matchAll(/<g id="[^"]*" class="(node|cluster|edge)">\s*<title>([^<]*)<\/title>([^]*?)<\/g>/g)];
    const labelled = (kind, prefix) =>
        groups
            .filter(([, one]) => one === kind)
            .map(([, , title, body]) => [
                title.slice(prefix.length),
                [...body.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, line]) => decoded(line)).join("\n"),
            ]);
    assert.deepEqual(spaced(labelled("node", "")), spaced(nodes));
    assert.deepEqual(spaced(labelled("cluster", "cluster_")), spaced(frames));
    assert.equal(groups.filter(([, kind]) => kind === "edge").length, edges);
}

const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
assert.ok(names.length > 50, `only ${names.length} pictures in ${folder}`);
let failures = 0;
for (const name of names) {
    const picture = JSON.parse(readFileSync(join(folder, name), "utf8"));
    for (const [language, check] of [["mermaid", checkMermaid], ["dot", checkDot]]) {
        try {
            await check(picture);
        } catch (error) {
            failures += 1;
            console.error(`${name}: ${error.message}\n${picture[language]}`);
        }
    }
}
console.log(`${names.length} pictures, ${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;
