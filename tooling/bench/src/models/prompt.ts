/** The tokens that every engine continues: small enough for every vocabulary that is measured. */
export const prompt = [1, 403, 407, 261, 378, 432, 384, 286];
