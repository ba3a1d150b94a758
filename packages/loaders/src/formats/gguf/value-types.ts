/** GGUF's numbers of types of metadata. Hugging Face's library has them too, but is loaded only where there is a file for it. */
export const valueTypes = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  text: 8,
  list: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;

export type ValueType = (typeof valueTypes)[keyof typeof valueTypes];
