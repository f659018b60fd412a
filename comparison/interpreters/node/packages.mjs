// What a package brings with it: `packages.mjs NAME` prints how many packages that is, their size in MB, its version.

import fs from "node:fs";
import path from "node:path";

const { packages } = JSON.parse(fs.readFileSync("package-lock.json"));
const resolve = (from, name) => {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    const key = `${at ? `${at}/` : ""}node_modules/${name}`;
    if (packages[key]) return key;
    if (!at) return undefined;
  }
};

const found = new Set();
const visit = (key) => {
  if (!key || found.has(key)) return;
  found.add(key);
  const { dependencies, peerDependencies, peerDependenciesMeta } = packages[key];
  for (const name of Object.keys(dependencies ?? {})) visit(resolve(key, name));
  for (const name of Object.keys(peerDependencies ?? {})) {
    if (!peerDependenciesMeta?.[name]?.optional) visit(resolve(key, name));
  }
};
const start = resolve("", process.argv[2]);
visit(start);

const size = (file) => {
  const status = fs.lstatSync(file);
  if (!status.isDirectory()) return status.size;
  // What a package keeps in a folder of its own below it counts for itself.
  const names = fs.readdirSync(file).filter((name) => name !== "node_modules");
  return names.reduce((sum, name) => sum + size(path.join(file, name)), 0);
};
const bytes = [...found].reduce((sum, key) => sum + size(key), 0);
console.log(found.size, (bytes / 1e6).toFixed(1), packages[start].version);
