/** The page's style sheet. Light and dark share everything but the colours at the top. */

export const light = `
--background: #f6f7f9; --surface: #ffffff; --text: #17202a; --muted: #5a6672; --border: #dde2e8;
--stream: #0068b5; --baseline: #c8640a; --defined: #2a8a4f; --fourth: #8a4fc2; --fifth: #c2317a; --sixth: #8a7400;
--track: #e9edf1; --chart-text: #5a6672; --chart-grid: #e1e6eb; --marker: #7b8794;`;

export const dark = `
--background: #10151b; --surface: #171e26; --text: #e6ebf0; --muted: #9aa6b2; --border: #2b3641;
--stream: #4db3f0; --baseline: #f0a347; --defined: #63c384; --fourth: #b994f0; --fifth: #f27db0; --sixth: #d6c04a;
--track: #26303a; --chart-text: #9aa6b2; --chart-grid: #2b3641; --marker: #8794a1;`;

export const style = `
:root { color-scheme: light dark; ${light} }
@media (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--background); color: var(--text); line-height: 1.55;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; font-size: 1rem; }
header, main, footer { max-width: 76rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2.5rem); }
header { padding-top: clamp(2rem, 6vw, 4.5rem); }
footer { padding-top: 2rem; padding-bottom: 3rem; color: var(--muted); font-size: .875rem; }
.kicker { margin: 0 0 .75rem; color: var(--stream); font-size: .8125rem; font-weight: 650; letter-spacing: .06em; text-transform: uppercase; }
h1 { margin: 0 0 1.5rem; max-width: 22ch; font-size: clamp(1.9rem, 5vw, 3.1rem); line-height: 1.1; letter-spacing: -.022em; text-wrap: balance; }
h2 { margin: 0 0 .5rem; font-size: 1.6rem; line-height: 1.2; letter-spacing: -.015em; }
h3 { margin: 0; font-size: 1.2rem; line-height: 1.3; }
h4 { margin: 0 0 .35rem; font-size: .9375rem; font-weight: 600; }
p { margin: 0 0 .6rem; max-width: 74ch; }
.intro { font-size: 1.0625rem; }
.formula { margin: 1rem 0 1.1rem; padding: .7rem 1.1rem; width: fit-content; border-left: 3px solid var(--stream); background: var(--surface);
  font-family: "Iowan Old Style", Palatino, Georgia, "DejaVu Serif", serif; font-style: italic; font-size: 1.3rem; }
main > section { margin-top: clamp(2.5rem, 6vw, 4rem); }
.lead, .question { color: var(--muted); }
.cards { display: grid; gap: 1rem; margin-top: 1.25rem; grid-template-columns: repeat(auto-fit, minmax(min(15.5rem, 100%), 1fr)); }
.card, figure { background: var(--surface); border: 1px solid var(--border); border-radius: 10px; }
.card { display: flex; flex-direction: column; gap: .9rem; padding: 1.1rem 1.2rem .9rem; }
.card h3 { display: flex; flex-direction: column; font-size: 1.05rem; }
.part { color: var(--muted); font-size: .8125rem; font-weight: 400; }
.figure p { display: flex; align-items: center; justify-content: space-between; gap: .5rem; margin: 0 0 .4rem; line-height: 1.25; }
.figure span { min-width: 0; font-size: .875rem; text-align: right; text-wrap: balance; }
.figure strong { flex: none; font-size: 1.85rem; line-height: 1.1; font-weight: 700; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.figure small { display: block; color: var(--muted); font-size: .75rem; }
.figure.stream strong { color: var(--stream); }
.figure.baseline strong { color: var(--baseline); }
.bar { position: relative; height: 8px; border-radius: 4px; background: var(--track); }
.bar i { display: block; height: 100%; border-radius: 4px; background: currentColor; }
.figure.stream .bar { color: var(--stream); }
.figure.baseline .bar { color: var(--baseline); }
.bar b, .tick { width: 2px; background: var(--text); }
.bar b { position: absolute; top: -3px; bottom: -3px; margin-left: -1px; }
.tick { display: inline-block; height: .9em; vertical-align: -.1em; margin-left: .25rem; }
.note { margin: auto 0 0; color: var(--muted); font-size: .8125rem; }
.findings { margin: 1rem 0 0; padding-left: 1.2rem; max-width: 78ch; }
.findings li { margin-bottom: .5rem; padding-left: .2rem; }
.findings li::marker { color: var(--stream); }
.legend { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; margin: 1rem 0 0; padding: .6rem 0;
  list-style: none; background: var(--background); border-bottom: 1px solid var(--border); color: var(--muted); font-size: .875rem; }
.legend li { display: flex; align-items: center; gap: .5rem; }
.line { width: 1.7rem; border-top: 3px solid var(--marker); }
.line.stream { border-color: var(--stream); }
.line.baseline { border-color: var(--baseline); }
.line.defined { border-color: var(--defined); }
.line.thin { border-top-width: 1px; }
.line.dashed { border-top: 1.5px dashed var(--marker); }
.task { margin-top: 2.25rem; scroll-margin-top: 4rem; }
.charts { display: grid; gap: 1rem; margin-top: 1.25rem; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
figure { margin: 0; padding: .9rem .9rem .7rem; min-width: 0; }
figure svg { display: block; width: 100%; height: auto; font-family: inherit; }
figcaption { margin-top: .3rem; color: var(--muted); font-size: .8125rem; line-height: 1.4; }
.scroll { overflow-x: auto; margin-top: 1rem; background: var(--surface); border: 1px solid var(--border); border-radius: 10px; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: .4rem .8rem; border-bottom: 1px solid var(--border); text-align: left; font-weight: 400; }
thead th { color: var(--muted); font-size: .8125rem; font-weight: 600; vertical-align: bottom; }
th[colspan] { text-align: center; border-bottom: 0; padding-bottom: 0; }
tbody tr:last-child > * { border-bottom: 0; }
.number { text-align: right; }
tr.stream .strong { color: var(--stream); font-weight: 600; }
tr.baseline .strong { color: var(--baseline); font-weight: 600; }
tr.defined .strong { color: var(--defined); font-weight: 600; }
.tag.stream { color: var(--stream); }
.tag.baseline { color: var(--baseline); }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .92em; }
:focus-visible { outline: 2px solid var(--stream); outline-offset: 2px; }
@media (max-width: 40rem) { .legend { position: static; } }
@media print { .legend { position: static; } figure, .card { break-inside: avoid; } }
`;
