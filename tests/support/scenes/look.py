"""What pages look like: colours, fonts, zoom, chosen by a seeded generator. Pure, no I/O."""

from dataclasses import dataclass
from math import ceil
from random import Random

from tests.support.scenes.prose import Prose

SANS = ("DejaVu Sans", "Liberation Sans")
SERIF = ("DejaVu Serif", "Liberation Serif")
MONO = ("DejaVu Sans Mono", "Liberation Mono")
_LEAST = 11.2  # pixels: capitals of the smallest of these fonts, Liberation Serif, are then 7 pixels high
_LIGHT = (  # background, panel, text, less important text, lines, accent, text on the accent
    ("#ffffff", "#f3f4f6", "#1f2328", "#4b5563", "#d0d7de", "#0b57d0", "#ffffff"),
    ("#faf7f0", "#efe9db", "#33291a", "#5f5340", "#d8ccb4", "#8a3b12", "#ffffff"),
    ("#eef3f7", "#ffffff", "#14232f", "#44586a", "#c3d2de", "#00695c", "#ffffff"),
)
_DARK = (
    ("#0d1117", "#161b22", "#e6edf3", "#9aa4af", "#30363d", "#2f81f7", "#ffffff"),
    ("#1e1e2e", "#2a2a3c", "#dcd7ee", "#a6a0bd", "#44435c", "#c49df0", "#1e1e2e"),
    ("#202124", "#2d2e31", "#e8eaed", "#b0b4ba", "#4a4c50", "#8ab4f8", "#202124"),
)


@dataclass(frozen=True, slots=True)
class Look:
    """Colours as CSS has them; ``size`` in the page's own pixels."""

    dark: bool
    back: str
    panel: str
    text: str
    dim: str
    line: str
    accent: str
    on_accent: str
    font: str
    mono: str
    size: int
    zoom: float

    @property
    def style(self) -> str:
        """The style sheet that all pages share."""
        return f"""<style>
        * {{ box-sizing: border-box }}
        html, body {{ margin: 0; background: {self.back}; color: {self.text} }}
        body {{ font: {self.size}px/1.45 "{self.font}"; overflow: hidden }}
        .panel {{ background: {self.panel}; border: 1px solid {self.line}; border-radius: 6px; padding: 10px 14px }}
        .dim {{ color: {self.dim} }}
        .bar {{ background: {self.accent}; color: {self.on_accent}; padding: 8px 16px; display: flex; gap: 22px }}
        .side {{ background: {self.panel}; border-right: 1px solid {self.line}; padding: 10px 14px }}
        .mono {{ font-family: "{self.mono}" }}
        .row {{ display: flex; gap: 18px }}
        .grow {{ flex: 1; min-width: 0 }}
        td, th {{ text-align: left; padding: 3px 14px 3px 4px; border-bottom: 1px solid {self.line};
            white-space: nowrap }}
        h1 {{ font-size: 1.5em; margin: 10px 0 8px }} h2 {{ font-size: 1.15em; margin: 8px 0 4px }}
        p {{ margin: 5px 0 }}
        .button {{ background: {self.accent}; color: {self.on_accent}; border-radius: 4px; padding: 4px 12px;
            display: inline-block }}
        </style>"""


def look(rng: Random, dark: bool, zoom: float, fonts: tuple[str, ...] = SANS + SERIF) -> Look:
    """Choose a look; text is large enough to be read at ``zoom``."""
    size = max(rng.randrange(13, 17), ceil(_LEAST / zoom))
    return Look(dark, *rng.choice(_DARK if dark else _LIGHT), rng.choice(fonts), rng.choice(MONO), size, zoom)


def columns(prose: Prose) -> str:
    """Return what stands below on a page that has room for it: three columns without a secret."""
    parts = "".join(f"<h2>{prose.title()}</h2><p>{prose.paragraph(5)}</p>" for _ in range(6))
    return f'<div style="columns:3;padding:12px 20px">{parts}</div>'
