/** What the report's page is told, as JSON: everything that its views draw, and nothing else. */

/** A token and its probability. */
export type Share = readonly [token: number, probability: number];

/** A next-token distribution after one iteration. */
export interface Distribution {
  readonly entropyNats: number;
  /** Jensen-Shannon from the iteration before. */
  readonly divergenceBits: number | null;
  readonly top: readonly Share[];
}

export interface PositionData {
  readonly token: number;
  readonly text: string;
  readonly isGenerated: boolean;
  readonly posterior: readonly Distribution[];
  readonly positionShiftBits: number | null;
  readonly iterationShiftBits: number | null;
}

/** A layer's figures are `[position][iteration]`. */
export type Figures = readonly (readonly (number | null)[])[];

export interface LayerData {
  readonly norm: Figures;
  readonly cosineToPosition: Figures;
  readonly cosineToIteration: Figures;
  readonly divergenceBits: Figures;
  readonly lens: readonly (readonly (readonly Share[])[])[];
  /** By position. */
  readonly basinOf: readonly number[];
  readonly basinCount: number;
  readonly silhouette: number | null;
  /** First positions of new stretches. */
  readonly changePoints: readonly number[];
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly explained: readonly [x: number, y: number];
}

export interface ModesData {
  readonly title: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly coefficient: number | null;
  readonly dip: number;
  readonly pValue: number;
  readonly isBimodal: boolean;
}

export interface InspectionData {
  readonly model: string;
  /** Whether what comes out is the next token of a text, or the label of the symbol that was read. */
  readonly outcome: "next token" | "label";
  readonly iterations: number;
  readonly hiddenSize: number;
  readonly positions: readonly PositionData[];
  readonly layers: readonly LayerData[];
  readonly modes: readonly ModesData[];
  /** Texts of the tokens that are named in distributions. */
  readonly names: Readonly<Record<number, string>>;
}
