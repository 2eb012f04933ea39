// @ts-nocheck: generated for less strict settings than ours
import { decodeMessage, encodeMessage, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface ArtifactFrame {
  network?: Uint8Array<ArrayBuffer>
  ask?: ArtifactAsk
  cancel?: number
  part?: ArtifactPart
  refusal?: ArtifactRefusal
}

export namespace ArtifactFrame {
  let _codec: Codec<ArtifactFrame>

  export const codec = (): Codec<ArtifactFrame> => {
    if (_codec == null) {
      _codec = message<ArtifactFrame>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.network != null) {
          w.uint32(10)
          w.bytes(obj.network)
        }

        if (obj.ask != null) {
          w.uint32(18)
          ArtifactAsk.codec().encode(obj.ask, w)
        }

        if (obj.cancel != null) {
          w.uint32(24)
          w.uint32(obj.cancel)
        }

        if (obj.part != null) {
          w.uint32(34)
          ArtifactPart.codec().encode(obj.part, w)
        }

        if (obj.refusal != null) {
          w.uint32(42)
          ArtifactRefusal.codec().encode(obj.refusal, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {}

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.network = reader.bytes()
              break
            }
            case 2: {
              obj.ask = ArtifactAsk.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.ask
              })
              break
            }
            case 3: {
              obj.cancel = reader.uint32()
              break
            }
            case 4: {
              obj.part = ArtifactPart.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.part
              })
              break
            }
            case 5: {
              obj.refusal = ArtifactRefusal.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.refusal
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.network`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield * ArtifactAsk.codec().stream(reader, reader.uint32(), `${prefix}.ask`, {
                limits: opts.limits?.ask
              })

              break
            }
            case 3: {
              yield {
                field: `${prefix}.cancel`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield * ArtifactPart.codec().stream(reader, reader.uint32(), `${prefix}.part`, {
                limits: opts.limits?.part
              })

              break
            }
            case 5: {
              yield * ArtifactRefusal.codec().stream(reader, reader.uint32(), `${prefix}.refusal`, {
                limits: opts.limits?.refusal
              })

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface ArtifactFrameNetworkFieldEvent {
    field: '$.network'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ArtifactFrameAskIdFieldEvent {
    field: '$.ask.id'
    value: number
  }

  export interface ArtifactFrameAskSha256FieldEvent {
    field: '$.ask.sha256'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ArtifactFrameAskSha512FieldEvent {
    field: '$.ask.sha512'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ArtifactFrameAskKindFieldEvent {
    field: '$.ask.kind'
    value: number
  }

  export interface ArtifactFrameAskRootFieldEvent {
    field: '$.ask.root'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ArtifactFrameAskFirstFieldEvent {
    field: '$.ask.first'
    value: number
  }

  export interface ArtifactFrameAskCountFieldEvent {
    field: '$.ask.count'
    value: number
  }

  export interface ArtifactFrameCancelFieldEvent {
    field: '$.cancel'
    value: number
  }

  export interface ArtifactFramePartIdFieldEvent {
    field: '$.part.id'
    value: number
  }

  export interface ArtifactFramePartDataFieldEvent {
    field: '$.part.data'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ArtifactFramePartLastFieldEvent {
    field: '$.part.last'
    value: boolean
  }

  export interface ArtifactFramePartRootFieldEvent {
    field: '$.part.root'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ArtifactFramePartLengthFieldEvent {
    field: '$.part.length'
    value: number
  }

  export interface ArtifactFrameRefusalIdFieldEvent {
    field: '$.refusal.id'
    value: number
  }

  export interface ArtifactFrameRefusalReasonFieldEvent {
    field: '$.refusal.reason'
    value: number
  }

  export function encode (obj: Partial<ArtifactFrame>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, ArtifactFrame.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ArtifactFrame>): ArtifactFrame {
    return decodeMessage(buf, ArtifactFrame.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ArtifactFrame>): Generator<ArtifactFrameNetworkFieldEvent | ArtifactFrameAskIdFieldEvent | ArtifactFrameAskSha256FieldEvent | ArtifactFrameAskSha512FieldEvent | ArtifactFrameAskKindFieldEvent | ArtifactFrameAskRootFieldEvent | ArtifactFrameAskFirstFieldEvent | ArtifactFrameAskCountFieldEvent | ArtifactFrameCancelFieldEvent | ArtifactFramePartIdFieldEvent | ArtifactFramePartDataFieldEvent | ArtifactFramePartLastFieldEvent | ArtifactFramePartRootFieldEvent | ArtifactFramePartLengthFieldEvent | ArtifactFrameRefusalIdFieldEvent | ArtifactFrameRefusalReasonFieldEvent> {
    return streamMessage(buf, ArtifactFrame.codec(), opts)
  }
}

export interface ArtifactAsk {
  id: number
  sha256?: Uint8Array<ArrayBuffer>
  sha512?: Uint8Array<ArrayBuffer>
  kind: number
  root?: Uint8Array<ArrayBuffer>
  first: number
  count: number
}

export namespace ArtifactAsk {
  let _codec: Codec<ArtifactAsk>

  export const codec = (): Codec<ArtifactAsk> => {
    if (_codec == null) {
      _codec = message<ArtifactAsk>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.id != null && obj.id !== 0)) {
          w.uint32(8)
          w.uint32(obj.id)
        }

        if (obj.sha256 != null) {
          w.uint32(18)
          w.bytes(obj.sha256)
        }

        if (obj.sha512 != null) {
          w.uint32(26)
          w.bytes(obj.sha512)
        }

        if ((obj.kind != null && obj.kind !== 0)) {
          w.uint32(32)
          w.uint32(obj.kind)
        }

        if (obj.root != null) {
          w.uint32(42)
          w.bytes(obj.root)
        }

        if ((obj.first != null && obj.first !== 0)) {
          w.uint32(48)
          w.uint32(obj.first)
        }

        if ((obj.count != null && obj.count !== 0)) {
          w.uint32(56)
          w.uint32(obj.count)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          id: 0,
          kind: 0,
          first: 0,
          count: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.id = reader.uint32()
              break
            }
            case 2: {
              obj.sha256 = reader.bytes()
              break
            }
            case 3: {
              obj.sha512 = reader.bytes()
              break
            }
            case 4: {
              obj.kind = reader.uint32()
              break
            }
            case 5: {
              obj.root = reader.bytes()
              break
            }
            case 6: {
              obj.first = reader.uint32()
              break
            }
            case 7: {
              obj.count = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.id`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.sha256`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.sha512`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.kind`,
                value: reader.uint32()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.root`,
                value: reader.bytes()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.first`,
                value: reader.uint32()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.count`,
                value: reader.uint32()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface ArtifactAskIdFieldEvent {
    field: '$.id'
    value: number
  }

  export interface ArtifactAskSha256FieldEvent {
    field: '$.sha256'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ArtifactAskSha512FieldEvent {
    field: '$.sha512'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ArtifactAskKindFieldEvent {
    field: '$.kind'
    value: number
  }

  export interface ArtifactAskRootFieldEvent {
    field: '$.root'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ArtifactAskFirstFieldEvent {
    field: '$.first'
    value: number
  }

  export interface ArtifactAskCountFieldEvent {
    field: '$.count'
    value: number
  }

  export function encode (obj: Partial<ArtifactAsk>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, ArtifactAsk.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ArtifactAsk>): ArtifactAsk {
    return decodeMessage(buf, ArtifactAsk.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ArtifactAsk>): Generator<ArtifactAskIdFieldEvent | ArtifactAskSha256FieldEvent | ArtifactAskSha512FieldEvent | ArtifactAskKindFieldEvent | ArtifactAskRootFieldEvent | ArtifactAskFirstFieldEvent | ArtifactAskCountFieldEvent> {
    return streamMessage(buf, ArtifactAsk.codec(), opts)
  }
}

export interface ArtifactPart {
  id: number
  data: Uint8Array<ArrayBuffer>
  last: boolean
  root?: Uint8Array<ArrayBuffer>
  length?: number
}

export namespace ArtifactPart {
  let _codec: Codec<ArtifactPart>

  export const codec = (): Codec<ArtifactPart> => {
    if (_codec == null) {
      _codec = message<ArtifactPart>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.id != null && obj.id !== 0)) {
          w.uint32(8)
          w.uint32(obj.id)
        }

        if ((obj.data != null && obj.data.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.data)
        }

        if ((obj.last != null && obj.last !== false)) {
          w.uint32(24)
          w.bool(obj.last)
        }

        if (obj.root != null) {
          w.uint32(34)
          w.bytes(obj.root)
        }

        if (obj.length != null) {
          w.uint32(40)
          w.uint64Number(obj.length)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          id: 0,
          data: uint8ArrayAlloc(0),
          last: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.id = reader.uint32()
              break
            }
            case 2: {
              obj.data = reader.bytes()
              break
            }
            case 3: {
              obj.last = reader.bool()
              break
            }
            case 4: {
              obj.root = reader.bytes()
              break
            }
            case 5: {
              obj.length = reader.uint64Number()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.id`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.data`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.last`,
                value: reader.bool()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.root`,
                value: reader.bytes()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.length`,
                value: reader.uint64Number()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface ArtifactPartIdFieldEvent {
    field: '$.id'
    value: number
  }

  export interface ArtifactPartDataFieldEvent {
    field: '$.data'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ArtifactPartLastFieldEvent {
    field: '$.last'
    value: boolean
  }

  export interface ArtifactPartRootFieldEvent {
    field: '$.root'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ArtifactPartLengthFieldEvent {
    field: '$.length'
    value: number
  }

  export function encode (obj: Partial<ArtifactPart>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, ArtifactPart.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ArtifactPart>): ArtifactPart {
    return decodeMessage(buf, ArtifactPart.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ArtifactPart>): Generator<ArtifactPartIdFieldEvent | ArtifactPartDataFieldEvent | ArtifactPartLastFieldEvent | ArtifactPartRootFieldEvent | ArtifactPartLengthFieldEvent> {
    return streamMessage(buf, ArtifactPart.codec(), opts)
  }
}

export interface ArtifactRefusal {
  id: number
  reason: number
}

export namespace ArtifactRefusal {
  let _codec: Codec<ArtifactRefusal>

  export const codec = (): Codec<ArtifactRefusal> => {
    if (_codec == null) {
      _codec = message<ArtifactRefusal>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.id != null && obj.id !== 0)) {
          w.uint32(8)
          w.uint32(obj.id)
        }

        if ((obj.reason != null && obj.reason !== 0)) {
          w.uint32(16)
          w.uint32(obj.reason)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          id: 0,
          reason: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.id = reader.uint32()
              break
            }
            case 2: {
              obj.reason = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.id`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.reason`,
                value: reader.uint32()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface ArtifactRefusalIdFieldEvent {
    field: '$.id'
    value: number
  }

  export interface ArtifactRefusalReasonFieldEvent {
    field: '$.reason'
    value: number
  }

  export function encode (obj: Partial<ArtifactRefusal>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, ArtifactRefusal.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ArtifactRefusal>): ArtifactRefusal {
    return decodeMessage(buf, ArtifactRefusal.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ArtifactRefusal>): Generator<ArtifactRefusalIdFieldEvent | ArtifactRefusalReasonFieldEvent> {
    return streamMessage(buf, ArtifactRefusal.codec(), opts)
  }
}
