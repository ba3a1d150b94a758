/** What files of a model's folder are called. */
export const weightsFile = "model.safetensors";
export const streamFile = "state_stream.safetensors";
