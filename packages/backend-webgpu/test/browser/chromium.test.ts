/** WebGPU in Chromium. */
import { inject } from "vitest";
import { webgpuSuite } from "../webgpu-suite.js";

webgpuSuite(inject("goldenModels"));
