import { COLOURS } from '../../http/pages/look.js';

/** The inbox's style sheet: the colours of all pages, system fonts, light and dark, one column on a phone. */
export const INBOX_STYLE = String.raw`${COLOURS}
:root {
  --on-accent: var(--on-button); --hover: var(--raised);
  --shadow: 0 1px 2px rgb(20 30 26 / .05), 0 6px 20px rgb(20 30 26 / .05);
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root { --shadow: none; }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { height: 100%; -webkit-text-size-adjust: 100%; }
body { margin: 0; min-height: 100%; display: flex; flex-direction: column; background: var(--ground); color: var(--ink); font: 15px/1.5 var(--sans); }
h1, h2, p, dl, dd, ol, pre { margin: 0; padding: 0; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 6px; }
main:focus { outline: none; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 12px; top: -60px; z-index: 2; padding: 8px 14px; border-radius: 8px; background: var(--accent); color: var(--on-accent); }
.skip:focus { top: 10px; }

button, .button { display: inline-block; padding: 7px 14px; border: 1px solid var(--line); border-radius: 8px; background: var(--sheet); color: var(--ink); font: inherit; font-size: 14px; text-decoration: none; cursor: pointer; }
button:hover:enabled, .button:hover { border-color: var(--soft); }
button:disabled { opacity: .45; cursor: default; }

.bar { display: flex; align-items: center; gap: 14px; padding: 10px 20px; border-bottom: 1px solid var(--line); background: var(--sheet); }
.bar h1 { font-size: 17px; font-weight: 650; letter-spacing: -.01em; }
.bar h1 a { color: inherit; text-decoration: none; }
.about { color: var(--soft); font-size: 14px; }
.live { display: flex; align-items: center; gap: 7px; color: var(--soft); font-size: 13px; }
.dot { width: 8px; height: 8px; border-radius: 50%; background: #2fa37f; }
.live[data-state=lost] { color: var(--danger); }
.live[data-state=lost] .dot { background: var(--danger); }

.columns { flex: 1; display: grid; grid-template-columns: clamp(280px, 32vw, 380px) minmax(0, 1fr); min-height: 0; }
.list { border-right: 1px solid var(--line); padding: 12px 10px; overflow-y: auto; }
.list ol { list-style: none; }
.filter input { width: 100%; margin-bottom: 10px; padding: 7px 11px; border: 1px solid var(--edge); border-radius: 8px; background: var(--sheet); color: inherit; font: inherit; font-size: 14px; }
.filter input::placeholder { color: var(--soft); opacity: 1; }
.list li a { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 1px 10px; align-items: baseline; padding: 10px 12px; border-radius: 10px; color: inherit; text-decoration: none; }
.list li + li { margin-top: 2px; }
.list li a:hover { background: var(--hover); }
.list li a[aria-current] { background: var(--tint); }
.list .to { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.list time { justify-self: end; color: var(--soft); font-size: 12.5px; font-variant-numeric: tabular-nums; }
.list .subject, .list .preview { grid-column: 1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 14px; }
.list .preview { grid-column: 1 / -1; color: var(--soft); font-size: 13px; }
.chip { justify-self: end; padding: 0 7px; border-radius: 6px; background: var(--tint); color: var(--accent); font: 600 13px/20px var(--mono); }
.list a[aria-current] .chip { background: var(--sheet); }
.step, .nothing { padding: 10px 12px; text-wrap: pretty; font-size: 14px; color: var(--soft); }
.arrived { animation: arrive 1.6s ease-out; border-radius: 10px; }
@keyframes arrive { from { background: var(--tint); } }

main { display: flex; flex-direction: column; min-width: 0; min-height: 0; }
article { flex: 1; display: flex; flex-direction: column; gap: 16px; min-height: 0; padding: 24px 28px; }
.head h2 { font-size: 22px; line-height: 1.3; font-weight: 650; letter-spacing: -.015em; overflow-wrap: anywhere; }
.head dl { display: flex; flex-wrap: wrap; gap: 2px 26px; margin-top: 8px; font-size: 14px; }
.head dl div { display: flex; gap: 8px; min-width: 0; }
.head dt { color: var(--soft); }
.head dd { overflow-wrap: anywhere; }
.back { display: none; margin-bottom: 10px; }
.code { display: flex; align-items: center; gap: 22px; align-self: flex-start; padding: 14px 18px 14px 24px; border-radius: 14px; background: var(--tint); }
.digits { color: var(--accent); font: 650 40px/1.15 var(--mono); letter-spacing: .06em; font-variant-numeric: tabular-nums; user-select: all; }
.digits span + span { margin-left: .3em; }
.code .copy { border-color: transparent; background: var(--accent); color: var(--on-accent); font-weight: 600; min-width: 84px; }
.code .copy:hover { filter: brightness(1.08); }
.views { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px; border-bottom: 1px solid var(--line); font-size: 14px; }
.views a { padding: 7px 12px; margin-bottom: -1px; border-bottom: 2px solid transparent; color: var(--soft); text-decoration: none; }
.views a:hover { color: var(--ink); }
.views a[aria-current] { border-color: var(--accent); color: var(--ink); font-weight: 600; }
.views .raw { margin-left: auto; padding-right: 0; }
iframe.body.phone { width: 390px; max-width: 100%; margin: 0 auto; }
.files { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 6px 18px; font-size: 14px; }
.files span { color: var(--soft); font-size: 13px; }
.body.links, .body.receipt { margin: 0; padding: 16px 20px 16px 40px; font-size: 14px; overflow-wrap: anywhere; }
.body.links li, .body.receipt li { padding: 5px 0; }
.receipt span { display: block; color: var(--soft); font-size: 13px; }
.receipt code { display: block; overflow-wrap: anywhere; }
.headers { width: 100%; border-collapse: collapse; font-size: 13px; }
.headers th, .headers td { padding: 6px 12px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: anywhere; }
.headers th { width: 11rem; color: var(--soft); font-weight: 500; }
.headers td { font-family: var(--mono); }
.release { font-size: 14px; }
summary { cursor: pointer; }
.release form { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin-top: 8px; }
.release p { margin-top: 8px; color: var(--soft); }
.release input, .release select { padding: 6px 10px; border: 1px solid var(--edge); border-radius: 8px; background: var(--sheet); color: inherit; font: inherit; max-width: 100%; }
.faults { position: relative; margin-left: auto; font-size: 14px; }
.faults form { position: absolute; right: 0; top: 100%; z-index: 3; display: grid; gap: 6px; width: 16rem; margin-top: 8px; padding: 12px; border: 1px solid var(--line); border-radius: 10px; background: var(--sheet); box-shadow: var(--shadow); }
.faults + .live { margin-left: 0; }
.note { margin-bottom: -6px; color: var(--soft); font-size: 13px; }
.body { flex: 1; width: 100%; min-height: 260px; border: 1px solid var(--line); border-radius: 12px; background: var(--sheet); overflow: auto; box-shadow: var(--shadow); }
iframe.body { display: block; background: #fff; color-scheme: light; }
.body pre { padding: 18px 20px; min-height: 100%; }
.body pre.text { font: 15px/1.6 var(--sans); white-space: pre-wrap; overflow-wrap: anywhere; max-width: 76ch; }
.body pre.source { font: 13px/1.55 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; }

.hint { width: 100%; max-width: 640px; margin: auto; padding: 40px 28px; text-align: center; text-wrap: balance; }
.hint h2 { font-size: 22px; line-height: 1.3; font-weight: 650; letter-spacing: -.015em; }
.hint p { margin-top: 8px; color: var(--soft); }
.picture { width: 64px; margin-bottom: 18px; fill: none; stroke: var(--accent); stroke-width: 2.5; stroke-linejoin: round; }
.command { position: relative; margin-top: 20px; border: 1px solid var(--line); border-radius: 12px; background: var(--sheet); box-shadow: var(--shadow); text-align: left; }
.command pre { padding: 16px 84px 16px 18px; overflow-x: auto; font: 13.5px/1.65 var(--mono); }
.command .copy { position: absolute; right: 10px; top: 10px; }
.hint .onward { margin-top: 18px; }
.hint .waiting { margin-top: 22px; font-size: 14px; }
.waiting::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 9px; border-radius: 50%; background: var(--accent); animation: wait 2.4s ease-in-out infinite; }
@keyframes wait { 50% { opacity: .25; } }
[data-layout=empty] .columns { grid-template-columns: minmax(0, 1fr); }
[data-layout=empty] .list { display: none; }

.enter { flex: 1; justify-content: center; align-items: center; padding: 24px; }
.enter form { width: 100%; max-width: 380px; padding: 30px; border: 1px solid var(--line); border-radius: 16px; background: var(--sheet); box-shadow: var(--shadow); }
.enter h1 { font-size: 22px; letter-spacing: -.015em; }
.enter p { margin-top: 6px; color: var(--soft); }
.enter label { display: block; margin: 20px 0 5px; font-weight: 600; font-size: 14px; }
.enter input { width: 100%; padding: 9px 12px; border: 1px solid var(--edge); border-radius: 8px; background: var(--ground); color: inherit; font: inherit; }
.enter .refusal { color: var(--danger); font-size: 14px; }
.enter button { width: 100%; margin-top: 16px; padding: 10px; border-color: transparent; background: var(--accent); color: var(--on-accent); font-size: 15px; font-weight: 600; }
.enter .fine { margin-top: 16px; font-size: 13px; }
code { font-family: var(--mono); font-size: .95em; overflow-wrap: anywhere; }

@media (min-width: 761px) {
  body { height: 100vh; }
  main { overflow-y: auto; }
}
@media (max-width: 760px) {
  .bar { padding: 10px 14px; }
  .about { display: none; }
  .bar { flex-wrap: wrap; gap: 8px 14px; }
  .clear { margin-left: auto; }
  .faults { order: 1; width: 100%; }
  .faults form { left: 0; right: auto; }
  .columns { grid-template-columns: minmax(0, 1fr); }
  .list { border-right: 0; padding: 10px 6px; }
  .filter { padding: 0 6px; }
  .filter input { font-size: 16px; }
  [data-layout=list] main, [data-layout=message] .list { display: none; }
  .back { display: block; }
  article { padding: 16px 14px; }
  .head dl { display: block; }
  .code { align-self: stretch; justify-content: space-between; gap: 12px; padding: 12px 14px 12px 18px; }
  .digits { font-size: clamp(28px, 10vw, 40px); }
  .body { min-height: 60vh; }
  .hint { padding: 28px 16px; }
  .command pre { padding: 52px 16px 16px; }
}
@media (prefers-reduced-motion: reduce) {
  *, ::before { animation: none !important; }
}
`;
