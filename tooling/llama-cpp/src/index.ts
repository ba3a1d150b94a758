/** What benchmarks and tests share that write models for llama.cpp. */
export { placeholderTokenizer } from "./placeholder-tokenizer.js";
