// The qualities of the picture that a viewer can choose from. Pure: touches no page, knows no player.

import { texts } from "./texts.js";

export const AUTO = "auto";

/** What a level is called: its shorter side, and its frame rate where that is above the usual: "720p", "1080p60". */
function sizeOf({ width, height, frameRate }) {
  return `${Math.min(width, height)}p${frameRate > 31 ? Math.round(frameRate) : ""}`;
}

/** The name of a level's rendition, which stands for the same choice in the next broadcast too. */
function nameOf({ url }) {
  return /([^/]+)\.m3u8(?:\?|$)/.exec(url)?.[1] ?? url;
}

/**
 * What there is to choose from among `levels` ({ url, width, height, frameRate }), best first: `index` into the levels,
 * `name` to remember the choice by, `label` to show. Nothing, where there is no choice.
 */
export function qualities(levels) {
  const found = levels.flatMap((level, index) => {
    if (!level.width || !level.height) return []; // sound alone
    const [name, size] = [nameOf(level), sizeOf(level)];
    const rank = [Math.min(level.width, level.height), level.frameRate || 0, name === "source" ? 1 : 0];
    return [{ index, name, label: name === "source" ? texts.sourceQuality(size) : size, rank }];
  });
  found.sort((a, b) => b.rank[0] - a.rank[0] || b.rank[1] - a.rank[1] || b.rank[2] - a.rank[2]);
  return found.length > 1 ? found.map(({ index, name, label }) => ({ index, name, label })) : [];
}

/** The index of the level that `name` chooses, or -1 for the player's own choice. */
export function levelOf(offered, name) {
  return offered.find((quality) => quality.name === name)?.index ?? -1;
}

/**
 * What the control shows: [value, text] of each choice, the player's own first, which tells the level that it shows now.
 * `chosen` is a name; one that is not offered counts as the player's own choice.
 */
export function choices(offered, chosen, shownIndex) {
  const shown = offered.find((quality) => quality.index === shownIndex);
  const automatic = levelOf(offered, chosen) === -1;
  const auto = automatic && shown ? texts.autoQualityOf(shown.label) : texts.autoQuality;
  return [[AUTO, auto], ...offered.map(({ name, label }) => [name, label])];
}
