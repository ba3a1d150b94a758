/** The page: takes a sequence, asks the worker, shows the answers. */
import type { Answers, Request, Response } from "./protocol.js";
import { renderAnswers } from "./render-answers.js";

const element = <Kind extends HTMLElement>(id: string) => document.getElementById(id) as Kind;
const form = element<HTMLFormElement>("form");
const sequence = element<HTMLInputElement>("sequence");
const length = element<HTMLInputElement>("length");
const iterations = element<HTMLSelectElement>("iterations");
const status = element("status");
const error = element("error");
const result = element("result");

let symbols: readonly string[] = [];
let device = "";

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
const ask = (request: Request) => worker.postMessage(request);

worker.addEventListener("message", ({ data }: MessageEvent<Response>) => {
  if (data.kind === "loaded") showLoaded(data);
  else if (data.kind === "answers") showAnswers(data.answers, data.milliseconds);
  else showError(data.message);
});
worker.addEventListener("error", ({ message }) => showError(`the worker failed: ${message}`));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
element("random").addEventListener("click", drawSequence);
iterations.addEventListener("change", run);

const backend = new URLSearchParams(location.search).get("backend") ?? undefined;
ask({ kind: "load", baseUrl: new URL("models/s3", document.baseURI).href, backend });

function run(): void {
  ask({ kind: "run", text: sequence.value, iterations: Number(iterations.value) });
}

function drawSequence(): void {
  const count = Math.min(64, Math.max(1, Math.round(Number(length.value) || 1)));
  sequence.value = Array.from({ length: count }, () => symbols[Math.floor(Math.random() * symbols.length)]).join(" ");
  run();
}

function showLoaded(loaded: Extract<Response, { kind: "loaded" }>): void {
  symbols = loaded.symbols;
  device = loaded.device;
  element("symbols").textContent = `Symbols: ${symbols.join(", ")} – where 1, 2 and 3 go.`;
  status.textContent = `Running on ${device}.`;
  drawSequence();
}

function showAnswers(answers: Answers, milliseconds: number): void {
  error.hidden = true;
  result.replaceChildren(renderAnswers(answers));
  status.textContent = `Running on ${device}: ${answers.symbols.length} symbols in ${milliseconds.toFixed(0)} ms.`;
}

function showError(message: string): void {
  error.textContent = message;
  error.hidden = false;
  result.replaceChildren();
}
