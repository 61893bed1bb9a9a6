import { defineConfig } from "vite";

export default defineConfig({
  // The page is served under a strict Content-Security-Policy: nothing inline, nothing from elsewhere.
  build: { target: "es2020", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  server: {
    proxy: Object.fromEntries(
      ["/v1", "/version"].map((path) => [path, { target: "http://127.0.0.1:8080" }]),
    ),
  },
});
