// Joins what is in src/ into dist/bundle.css and dist/bundle.js, without comments and indentation.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const directory = fileURLToPath(new URL(".", import.meta.url));
const names = (await readdir(`${directory}src`)).sort();
await mkdir(`${directory}dist`, { recursive: true });
for (const kind of ["css", "js"]) {
  const own = names.filter((name) => name.endsWith(`.${kind}`));
  const texts = await Promise.all(own.map((name) => readFile(`${directory}src/${name}`, "utf8")));
  const bundle = texts.join("").replace(/^\/\*.*?\*\/\n/gms, "").replace(/^\s+/gm, "");
  await writeFile(`${directory}dist/bundle.${kind}`, bundle);
  console.log(`dist/bundle.${kind}: ${own.length} files, ${bundle.length} characters`);
}
