// Bundles src/ into dist/: hashed assets, the HTML that names them, the notices of what is bundled, and a manifest,
// written last, so that a dist/ with a manifest is whole. Run by build.py; needs `npm ci` first.

import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const src = join(root, "src");
const dist = join(root, "dist");

const ENTRIES = ["home.js", "room.js", "site.css", "icon.svg"];
const PAGES = ["home.html", "room.html", "embed.html"];

await rm(dist, { recursive: true, force: true });
await mkdir(join(dist, "assets"), { recursive: true });

const result = await build({
  absWorkingDir: root,
  entryPoints: ENTRIES.map((name) => join(src, name)),
  outdir: join(dist, "assets"),
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  loader: { ".svg": "copy" },
  bundle: true,
  splitting: true,
  format: "esm",
  minify: true,
  // Browsers since 2021: Managed Media Source and all that the pages use are newer or as old.
  target: ["chrome100", "firefox100", "safari15"],
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
});

// Entry -> the name of what came out of it.
const assets = {};
for (const [path, output] of Object.entries(result.metafile.outputs)) {
  const entry = output.entryPoint ?? Object.keys(output.inputs).find((input) => input.endsWith(".svg"));
  if (entry && ENTRIES.includes(basename(entry))) assets[basename(entry)] = basename(path);
}

/** The licence texts of all packages whose code is in the bundles. */
async function notices() {
  const packages = new Set();
  for (const input of Object.keys(result.metafile.inputs)) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
  const rule = "=".repeat(80);
  const texts = ["These pages contain the following software.\n"];
  for (const name of [...packages].sort()) {
    const folder = join(root, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    texts.push(`${rule}\n${name} ${version} (${license})\n\n${await readFile(join(folder, "LICENSE"), "utf8")}`);
  }
  texts.push(`${rule}\nThe Apache License that is named above\n\n${await readFile(join(root, "../../LICENSE"), "utf8")}`);
  return texts.join("\n");
}
const text = await notices();
const hash = createHash("sha256").update(text).digest("hex").slice(0, 8).toUpperCase();
assets["notices.txt"] = `notices-${hash}.txt`;
await writeFile(join(dist, "assets", assets["notices.txt"]), text);

/** The page with its includes and the names of its assets filled in. */
async function page(name) {
  let html = await readFile(join(src, name), "utf8");
  for (const [include, part] of html.matchAll(/^<!-- include (\S+) -->\n/gm)) {
    html = html.replace(include, await readFile(join(src, part), "utf8"));
  }
  return html.replace(/\{\{(\S+?)\}\}/g, (_, entry) => {
    if (!(entry in assets)) throw new Error(`${name} names ${entry}, which is not an entry`);
    return `/assets/${assets[entry]}`;
  });
}
for (const name of PAGES) await writeFile(join(dist, name), await page(name));

const manifest = { pages: PAGES, assets: Object.values(assets) };
for (const path of Object.keys(result.metafile.outputs)) {
  if (!manifest.assets.includes(basename(path))) manifest.assets.push(basename(path));
}
await writeFile(join(dist, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
