/**
 * diffold: diffusion pipelines as pure functions, on lazy compiled graphs.
 *
 * The exports stand in the order in which data passes through them: values and their language, graphs, programs, checkpoints, models,
 * schedulers, pipelines, pictures.
 */

// values
export type { DType, Storage } from './core/dtype.ts'
export type { Shape } from './core/shape.ts'
export type { BinaryOp, ReduceOp, UnaryOp } from './core/ops.ts'
export {
  cudaSeed,
  generatorOf,
  seed,
  type RandomOptions,
  type DrawType,
  type Generator,
  type Seed,
} from './random/generator.ts'

// the language
export { concat, fromStorage, full, iota, ones, stack, Tensor, tensor, zeros, type Scalar } from './tensor/tensor.ts'
export { Noise, noise, noiseOf, rand, randint, randn, sparing } from './tensor/noise.ts'
export {
  argmax,
  attention,
  avgPool2d,
  batch,
  call,
  chunk,
  clamp,
  conv2d,
  embedding,
  gelu,
  groupNorm,
  layerNorm,
  linear,
  mish,
  quantile,
  relu,
  resizeNearest,
  rmsNorm,
  silu,
  softmax,
  sort,
  type Conv2d,
  type ConvOptions,
  type Embedding,
  type Linear,
  type Norm,
} from './tensor/nn.ts'
export { loadState, saveState } from './tensor/state.ts'
export { isLeaf, leaves, mapTree, type Leaf } from './tensor/tree.ts'

// graphs
export { bound, rebuild, trace, type Binding, type Traced } from './tensor/trace.ts'
export type { CallOptions, ConvGeometry, Graph, MapOp, Node, Resident, Source, View } from './graph/node.ts'
export { sources, toposort } from './graph/node.ts'
export { print } from './graph/print.ts'
export { check } from './graph/check.ts'
export { evaluate } from './graph/evaluate/evaluate.ts'
export type { Precision, Values } from './graph/evaluate/values.ts'
export { rewrite, type Rule } from './graph/rewrite.ts'
export type { Pass } from './passes/pass.ts'
export { identities, simplify } from './passes/simplify.ts'
export { inline } from './passes/inline.ts'
export { plan, type Plan } from './passes/plan.ts'
export type { Step as PlanStep } from './passes/plan.ts'

// programs
export { compile, counts, dispose, profile, read, readIntegers, type CompileOptions } from './backend/compile.ts'
export { explain, type Explanation, type ExplainOptions } from './backend/explain.ts'
export type { KernelReport, PassReport, PlanReport, Slot } from './backend/explanation.ts'
export type { TellOptions } from './backend/explanation-text.ts'
export { onCompiled, type Compiled } from './backend/progress.ts'
export { useTuning, type Ignored, type Tuned, type TuneOptions } from './backend/tuning.ts'
export { backend, backendName, defaultBackend, useBackend, useThreads } from './backend/select.ts'
export {
  backendNames,
  type Backend,
  type BackendName,
  type DeviceValue,
  type Executable,
  type KernelTime,
  type Memory,
  type Operand,
  type ProgramOptions,
} from './backend/backend.ts'

// other runtimes
export { toOnnx } from './onnx/to-onnx.ts'

// checkpoints
export {
  load,
  loadModel,
  model,
  config,
  orThrow,
  type Component,
  type LoadOptions,
  type Notes,
  type Pipeline,
} from './params/load.ts'
export { inventory, type Inventory } from './params/inventory.ts'
export type { Architecture, Model } from './params/architecture.ts'
export {
  decodeParams,
  differences,
  expectedOf,
  initialise,
  listOf,
  record,
  tensorOf,
  when,
  type Differences,
  type Header,
  type ParamCodec,
} from './params/codec.ts'
export type { Entry } from './params/entry.ts'
export type { Files } from './params/files/files.ts'
export { folder } from './params/files/folder.ts'
export { hub } from './params/files/hub.ts'
export { http } from './params/files/http.ts'
export { memory } from './params/files/memory.ts'
export { safetensors } from './params/safetensors.ts'
export { weights } from './params/weights.ts'

export { loadLora } from './params/lora/load.ts'
export * from './params/lora/lora.ts'
export { loadEmbedding, type TextualInversion } from './params/embedding.ts'

// models
export { UNet2DModel, unet2d, type UNet2DConfig, type UNet2DParams } from './models/unet2d.ts'

export {
  UNet2DConditionModel,
  unet2dCondition,
  type UNet2DConditionConfig,
  type UNet2DConditionInputs,
  type UNet2DConditionParams,
} from './models/unet2d-condition.ts'
export {
  AutoencoderKL,
  autoencoderKL,
  type AutoencoderKLConfig,
  type AutoencoderKLFunctions,
  type AutoencoderKLParams,
  type AutoencoderOptions,
  type TileOptions,
} from './models/autoencoder-kl.ts'
export {
  ControlNetModel,
  controlNet,
  type ControlNetConfig,
  type ControlNetInputs,
  type ControlNetParams,
} from './models/controlnet.ts'
export * from './models/t2i-adapter.ts'
export * from './models/autoencoder-tiny.ts'
export * from './models/vq-model.ts'
export * from './models/clip-text.ts'
export * from './models/clip-vision.ts'
export * from './models/t5-encoder.ts'
export type { Control } from './models/blocks/control.ts'
export type { Added } from './models/blocks/addition-embedding.ts'
export type { DiagonalGaussian } from './models/blocks/gaussian.ts'

// texts
export { batchOf, type Batch, type BatchOptions, type EncodeOptions, type Tokenizer } from './text/tokenizer.ts'
export { clipTokenizer } from './text/clip-tokenizer.ts'
export { t5Tokenizer } from './text/t5-tokenizer.ts'
export { withEmbeddings } from './text/textual-inversion.ts'
export { tokenizerComponent } from './text/component.ts'
export { weightedParts, type Weighted } from './text/prompt-weights.ts'

// schedulers
export type { Scheduler, Step } from './schedulers/scheduler.ts'
export type { SchedulerConfig } from './schedulers/config.ts'
export * from './schedulers/all.ts'
export {
  betasOf,
  betaSchedules,
  cumulated,
  linspace,
  rescaleZeroTerminalSnr,
  type BetaOptions,
  type BetaSchedule,
} from './schedulers/betas.ts'
export { givenTimesteps, spacedTimesteps, spacings, type Spacing, type SpacingOptions } from './schedulers/spacing.ts'
export {
  cleanFrom,
  forwardProcess,
  inRange,
  noiseFrom,
  threshold,
  type ForwardProcess,
  type Mixture,
  type Prediction,
  type RangeOptions,
} from './schedulers/variance-preserving.ts'
export {
  families,
  familyOf,
  schedulerNamed,
  unknownKeys,
  type AnyScheduler,
  type SchedulerName,
} from './schedulers/by-name.ts'

// pipelines
export {
  onHost,
  resume,
  sample,
  states,
  stepOf,
  type Denoiser,
  type Given,
  type Progress,
  type RunOptions,
} from './pipelines/sample.ts'
export { schedulerComponent } from './pipelines/scheduler-component.ts'
export {
  DDPM,
  ddim,
  ddpm,
  drawWith,
  sampleShape,
  type Draw,
  type DrawOptions,
  type UnconditionalModel,
} from './pipelines/unconditional.ts'

export {
  guidance,
  guide,
  guideBy,
  rescaleGuidance,
  together,
  type Combine,
  type Guide,
  type Guided,
} from './pipelines/guide.ts'
export { conditionalUnet, repeated, type Condition } from './pipelines/condition.ts'
export {
  StableDiffusion,
  StableDiffusionXL,
  pixelsPerLatent,
  type LatentDiffusion,
  type TextEncoder,
} from './pipelines/stable-diffusion.ts'
export {
  promptEncoder,
  tokensOf,
  type EncodedPrompts,
  type Layer,
  type PromptEncoder,
  type PromptOptions,
  type Tokens,
} from './pipelines/prompts.ts'
export {
  conditionsOf,
  guidanceEmbedding,
  type ConditionOf,
  type PromptRequest,
  type Texts,
  type XLSizes,
} from './pipelines/request.ts'
export { latentCodec, latentShape, nativeSize, type LatentCodec, type Size } from './pipelines/latents.ts'
export type { DrawPrompt, MakeScheduler, PipelineOptions, SampleState } from './pipelines/latent-pipeline.ts'
export { textToImage } from './pipelines/text-to-image.ts'
export { imageToImage, type ImageRequest } from './pipelines/image-to-image.ts'
export { inpaint, type InpaintRequest } from './pipelines/inpaint.ts'
export {
  controlledUnet,
  controlToImage,
  type Controlled,
  type ControlModel,
  type ControlOptions,
  type ControlRequest,
} from './pipelines/control.ts'

export {
  fitPreview,
  latentPreview,
  previewFactors,
  sdPreview,
  sdxlPreview,
  type PreviewFactors,
} from './pipelines/preview.ts'

// pictures
export { byteOf, grid, toImage, toImages, type Image } from './image/image.ts'
export { decodePng, encodePng, readPng, writePng } from './image/png.ts'
export {
  maskTensor,
  pictureTensor,
  type MaskOptions,
  type PictureOptions,
  type ResizeMode,
  type SizeOptions,
} from './image/preprocess.ts'
export { resize, type Filter, type ResizeOptions } from './image/resample.ts'

// what can go wrong
export {
  CheckpointError,
  ConfigError,
  DeviceError,
  DTypeError,
  FileError,
  ProgramError,
  ShapeError,
  type FileProblem,
  type LoadError,
} from './errors.ts'
