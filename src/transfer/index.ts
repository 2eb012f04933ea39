export { Bitmap, decodeBitmap, encodeBitmap } from './bitmap.js';
export type { AnswerEvent, Peer, TransferAction, TransferEvent } from './events.js';
export { LeafMap, type LeafSpan } from './leaf-map.js';
export { Scheduler } from './scheduler.js';
