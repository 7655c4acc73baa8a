/** An experiment of one run that trains in a second, as the text of a config file. */
export const TINY = `
name: tiny
task: { task: mqar, vocabSize: 32, seqLen: 16, numKvPairs: 4 }
model: { dModel: 16, dropout: { embedding: 0.1 } }
models: { One: { layers: [attention] } }
train: { batchSize: 8, epochs: 2, stepsPerEpoch: 5, validationExamples: 16, testExamples: 16 }
testLengths: [16, 32]
engine: wasm
`;
