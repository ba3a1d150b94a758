import { defineConfig } from "vite";

export default defineConfig({
  // Relative addresses, so that the built page works below any path.
  base: "./",
  worker: { format: "es" },
  build: { target: "es2023" },
});
