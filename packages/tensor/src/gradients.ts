/**
 * The engine registers no gradients of its own operations by itself. Its registration module is bundled into this
 * package (Node cannot import it as it stands); the registries that it fills are global, so the one copy of the engine
 * that everybody shares sees them.
 */
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
