// @ts-nocheck: generated for less strict settings than ours
import { decodeMessage, encodeMessage, enumeration, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface LookupRequest {
  network: Uint8Array<ArrayBuffer>
  question?: Question
  leave?: Leave
  withdraw?: Withdraw
  addresses: string[]
  isHeavy: boolean
}

export namespace LookupRequest {
  let _codec: Codec<LookupRequest>

  export const codec = (): Codec<LookupRequest> => {
    if (_codec == null) {
      _codec = message<LookupRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.network != null && obj.network.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.network)
        }

        if (obj.question != null) {
          w.uint32(18)
          Question.codec().encode(obj.question, w)
        }

        if (obj.leave != null) {
          w.uint32(26)
          Leave.codec().encode(obj.leave, w)
        }

        if (obj.withdraw != null) {
          w.uint32(34)
          Withdraw.codec().encode(obj.withdraw, w)
        }

        if (obj.addresses != null && obj.addresses.length > 0) {
          for (const value of obj.addresses) {
            w.uint32(42)
            w.string(value)
          }
        }

        if ((obj.isHeavy != null && obj.isHeavy !== false)) {
          w.uint32(48)
          w.bool(obj.isHeavy)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          network: uint8ArrayAlloc(0),
          addresses: [],
          isHeavy: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.network = reader.bytes()
              break
            }
            case 2: {
              obj.question = Question.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.question
              })
              break
            }
            case 3: {
              obj.leave = Leave.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.leave
              })
              break
            }
            case 4: {
              obj.withdraw = Withdraw.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.withdraw
              })
              break
            }
            case 5: {
              if (opts.limits?.addresses != null && obj.addresses.length === opts.limits.addresses) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              if (obj.addresses.length === 8) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              obj.addresses.push(reader.string())
              break
            }
            case 6: {
              obj.isHeavy = reader.bool()
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
        const obj = {
          addresses: 8
        }

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
              yield * Question.codec().stream(reader, reader.uint32(), `${prefix}.question`, {
                limits: opts.limits?.question
              })

              break
            }
            case 3: {
              yield * Leave.codec().stream(reader, reader.uint32(), `${prefix}.leave`, {
                limits: opts.limits?.leave
              })

              break
            }
            case 4: {
              yield * Withdraw.codec().stream(reader, reader.uint32(), `${prefix}.withdraw`, {
                limits: opts.limits?.withdraw
              })

              break
            }
            case 5: {
              if (opts.limits?.addresses != null && obj.addresses === opts.limits.addresses) {
                throw new MaxLengthError('Streaming decode error - repeated field "addresses" had too many elements')
              }

              if (obj.addresses === 8) {
                throw new MaxLengthError('Streaming decode error - repeated field "addresses" had too many elements')
              }

              yield {
                field: `${prefix}.addresses[]`,
                index: obj.addresses,
                value: reader.string()
              }

              obj.addresses++

              break
            }
            case 6: {
              yield {
                field: `${prefix}.isHeavy`,
                value: reader.bool()
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

  export interface LookupRequestNetworkFieldEvent {
    field: '$.network'
    value: Uint8Array<ArrayBuffer>
  }

  export interface LookupRequestQuestionKeyFieldEvent {
    field: '$.question.key'
    value: Uint8Array<ArrayBuffer>
  }

  export interface LookupRequestQuestionIsSearchFieldEvent {
    field: '$.question.isSearch'
    value: boolean
  }

  export interface LookupRequestQuestionMoreFieldEvent {
    field: '$.question.more[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface LookupRequestLeaveKeysFieldEvent {
    field: '$.leave.keys[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface LookupRequestWithdrawKeysFieldEvent {
    field: '$.withdraw.keys[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface LookupRequestAddressesFieldEvent {
    field: '$.addresses[]'
    index: number
    value: string
  }

  export interface LookupRequestIsHeavyFieldEvent {
    field: '$.isHeavy'
    value: boolean
  }

  export function encode (obj: Partial<LookupRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, LookupRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LookupRequest>): LookupRequest {
    return decodeMessage(buf, LookupRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LookupRequest>): Generator<LookupRequestNetworkFieldEvent | LookupRequestQuestionKeyFieldEvent | LookupRequestQuestionIsSearchFieldEvent | LookupRequestQuestionMoreFieldEvent | LookupRequestLeaveKeysFieldEvent | LookupRequestWithdrawKeysFieldEvent | LookupRequestAddressesFieldEvent | LookupRequestIsHeavyFieldEvent> {
    return streamMessage(buf, LookupRequest.codec(), opts)
  }
}

export interface Question {
  key: Uint8Array<ArrayBuffer>
  isSearch: boolean
  more: Uint8Array<ArrayBuffer>[]
}

export namespace Question {
  let _codec: Codec<Question>

  export const codec = (): Codec<Question> => {
    if (_codec == null) {
      _codec = message<Question>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.key != null && obj.key.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.key)
        }

        if ((obj.isSearch != null && obj.isSearch !== false)) {
          w.uint32(16)
          w.bool(obj.isSearch)
        }

        if (obj.more != null && obj.more.length > 0) {
          for (const value of obj.more) {
            w.uint32(26)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          key: uint8ArrayAlloc(0),
          isSearch: false,
          more: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.key = reader.bytes()
              break
            }
            case 2: {
              obj.isSearch = reader.bool()
              break
            }
            case 3: {
              if (opts.limits?.more != null && obj.more.length === opts.limits.more) {
                throw new MaxLengthError('Decode error - repeated field "more" had too many elements')
              }

              if (obj.more.length === 63) {
                throw new MaxLengthError('Decode error - repeated field "more" had too many elements')
              }

              obj.more.push(reader.bytes())
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
        const obj = {
          more: 63
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.key`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.isSearch`,
                value: reader.bool()
              }
              break
            }
            case 3: {
              if (opts.limits?.more != null && obj.more === opts.limits.more) {
                throw new MaxLengthError('Streaming decode error - repeated field "more" had too many elements')
              }

              if (obj.more === 63) {
                throw new MaxLengthError('Streaming decode error - repeated field "more" had too many elements')
              }

              yield {
                field: `${prefix}.more[]`,
                index: obj.more,
                value: reader.bytes()
              }

              obj.more++

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

  export interface QuestionKeyFieldEvent {
    field: '$.key'
    value: Uint8Array<ArrayBuffer>
  }

  export interface QuestionIsSearchFieldEvent {
    field: '$.isSearch'
    value: boolean
  }

  export interface QuestionMoreFieldEvent {
    field: '$.more[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Question>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Question.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Question>): Question {
    return decodeMessage(buf, Question.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Question>): Generator<QuestionKeyFieldEvent | QuestionIsSearchFieldEvent | QuestionMoreFieldEvent> {
    return streamMessage(buf, Question.codec(), opts)
  }
}

export interface Leave {
  keys: Uint8Array<ArrayBuffer>[]
}

export namespace Leave {
  let _codec: Codec<Leave>

  export const codec = (): Codec<Leave> => {
    if (_codec == null) {
      _codec = message<Leave>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.keys != null && obj.keys.length > 0) {
          for (const value of obj.keys) {
            w.uint32(10)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          keys: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.keys != null && obj.keys.length === opts.limits.keys) {
                throw new MaxLengthError('Decode error - repeated field "keys" had too many elements')
              }

              if (obj.keys.length === 1000) {
                throw new MaxLengthError('Decode error - repeated field "keys" had too many elements')
              }

              obj.keys.push(reader.bytes())
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
        const obj = {
          keys: 1000
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.keys != null && obj.keys === opts.limits.keys) {
                throw new MaxLengthError('Streaming decode error - repeated field "keys" had too many elements')
              }

              if (obj.keys === 1000) {
                throw new MaxLengthError('Streaming decode error - repeated field "keys" had too many elements')
              }

              yield {
                field: `${prefix}.keys[]`,
                index: obj.keys,
                value: reader.bytes()
              }

              obj.keys++

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

  export interface LeaveKeysFieldEvent {
    field: '$.keys[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Leave>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Leave.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Leave>): Leave {
    return decodeMessage(buf, Leave.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Leave>): Generator<LeaveKeysFieldEvent> {
    return streamMessage(buf, Leave.codec(), opts)
  }
}

export interface Withdraw {
  keys: Uint8Array<ArrayBuffer>[]
}

export namespace Withdraw {
  let _codec: Codec<Withdraw>

  export const codec = (): Codec<Withdraw> => {
    if (_codec == null) {
      _codec = message<Withdraw>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.keys != null && obj.keys.length > 0) {
          for (const value of obj.keys) {
            w.uint32(10)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          keys: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.keys != null && obj.keys.length === opts.limits.keys) {
                throw new MaxLengthError('Decode error - repeated field "keys" had too many elements')
              }

              if (obj.keys.length === 1000) {
                throw new MaxLengthError('Decode error - repeated field "keys" had too many elements')
              }

              obj.keys.push(reader.bytes())
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
        const obj = {
          keys: 1000
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.keys != null && obj.keys === opts.limits.keys) {
                throw new MaxLengthError('Streaming decode error - repeated field "keys" had too many elements')
              }

              if (obj.keys === 1000) {
                throw new MaxLengthError('Streaming decode error - repeated field "keys" had too many elements')
              }

              yield {
                field: `${prefix}.keys[]`,
                index: obj.keys,
                value: reader.bytes()
              }

              obj.keys++

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

  export interface WithdrawKeysFieldEvent {
    field: '$.keys[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Withdraw>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Withdraw.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Withdraw>): Withdraw {
    return decodeMessage(buf, Withdraw.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Withdraw>): Generator<WithdrawKeysFieldEvent> {
    return streamMessage(buf, Withdraw.codec(), opts)
  }
}

export interface LookupReply {
  owners: LookupNode[]
  closer: LookupNode[]
  refused: number[]
  status: LookupStatus
  isHeavy: boolean
  named: LookupNode[]
  more: PlaceAnswer[]
}

export namespace LookupReply {
  let _codec: Codec<LookupReply>

  export const codec = (): Codec<LookupReply> => {
    if (_codec == null) {
      _codec = message<LookupReply>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.owners != null && obj.owners.length > 0) {
          for (const value of obj.owners) {
            w.uint32(10)
            LookupNode.codec().encode(value, w)
          }
        }

        if (obj.closer != null && obj.closer.length > 0) {
          for (const value of obj.closer) {
            w.uint32(18)
            LookupNode.codec().encode(value, w)
          }
        }

        if (obj.refused != null && obj.refused.length > 0) {
          for (const value of obj.refused) {
            w.uint32(24)
            w.uint32(value)
          }
        }

        if (obj.status != null && __LookupStatusValues[obj.status] !== 0) {
          w.uint32(32)
          LookupStatus.codec().encode(obj.status, w)
        }

        if ((obj.isHeavy != null && obj.isHeavy !== false)) {
          w.uint32(40)
          w.bool(obj.isHeavy)
        }

        if (obj.named != null && obj.named.length > 0) {
          for (const value of obj.named) {
            w.uint32(50)
            LookupNode.codec().encode(value, w)
          }
        }

        if (obj.more != null && obj.more.length > 0) {
          for (const value of obj.more) {
            w.uint32(58)
            PlaceAnswer.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          owners: [],
          closer: [],
          refused: [],
          status: LookupStatus.UNSET,
          isHeavy: false,
          named: [],
          more: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.owners != null && obj.owners.length === opts.limits.owners) {
                throw new MaxLengthError('Decode error - repeated field "owners" had too many elements')
              }

              if (obj.owners.length === 16) {
                throw new MaxLengthError('Decode error - repeated field "owners" had too many elements')
              }

              obj.owners.push(LookupNode.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.owners$
              }))
              break
            }
            case 2: {
              if (opts.limits?.closer != null && obj.closer.length === opts.limits.closer) {
                throw new MaxLengthError('Decode error - repeated field "closer" had too many elements')
              }

              if (obj.closer.length === 16) {
                throw new MaxLengthError('Decode error - repeated field "closer" had too many elements')
              }

              obj.closer.push(LookupNode.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.closer$
              }))
              break
            }
            case 3: {
              if (opts.limits?.refused != null && obj.refused.length === opts.limits.refused) {
                throw new MaxLengthError('Decode error - repeated field "refused" had too many elements')
              }

              if (obj.refused.length === 1000) {
                throw new MaxLengthError('Decode error - repeated field "refused" had too many elements')
              }

              obj.refused.push(reader.uint32())
              break
            }
            case 4: {
              obj.status = LookupStatus.codec().decode(reader)
              break
            }
            case 5: {
              obj.isHeavy = reader.bool()
              break
            }
            case 6: {
              if (opts.limits?.named != null && obj.named.length === opts.limits.named) {
                throw new MaxLengthError('Decode error - repeated field "named" had too many elements')
              }

              if (obj.named.length === 256) {
                throw new MaxLengthError('Decode error - repeated field "named" had too many elements')
              }

              obj.named.push(LookupNode.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.named$
              }))
              break
            }
            case 7: {
              if (opts.limits?.more != null && obj.more.length === opts.limits.more) {
                throw new MaxLengthError('Decode error - repeated field "more" had too many elements')
              }

              if (obj.more.length === 63) {
                throw new MaxLengthError('Decode error - repeated field "more" had too many elements')
              }

              obj.more.push(PlaceAnswer.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.more$
              }))
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
        const obj = {
          owners: 16,
          closer: 16,
          refused: 1000,
          named: 256,
          more: 63
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.owners != null && obj.owners === opts.limits.owners) {
                throw new MaxLengthError('Streaming decode error - repeated field "owners" had too many elements')
              }

              if (obj.owners === 16) {
                throw new MaxLengthError('Streaming decode error - repeated field "owners" had too many elements')
              }

              for (const evt of LookupNode.codec().stream(reader, reader.uint32(), `${prefix}.owners[]`, {
                limits: opts.limits?.owners$
              })) {
                yield {
                  ...evt,
                  index: obj.owners
                }
              }

              obj.owners++

              break
            }
            case 2: {
              if (opts.limits?.closer != null && obj.closer === opts.limits.closer) {
                throw new MaxLengthError('Streaming decode error - repeated field "closer" had too many elements')
              }

              if (obj.closer === 16) {
                throw new MaxLengthError('Streaming decode error - repeated field "closer" had too many elements')
              }

              for (const evt of LookupNode.codec().stream(reader, reader.uint32(), `${prefix}.closer[]`, {
                limits: opts.limits?.closer$
              })) {
                yield {
                  ...evt,
                  index: obj.closer
                }
              }

              obj.closer++

              break
            }
            case 3: {
              if (opts.limits?.refused != null && obj.refused === opts.limits.refused) {
                throw new MaxLengthError('Streaming decode error - repeated field "refused" had too many elements')
              }

              if (obj.refused === 1000) {
                throw new MaxLengthError('Streaming decode error - repeated field "refused" had too many elements')
              }

              yield {
                field: `${prefix}.refused[]`,
                index: obj.refused,
                value: reader.uint32()
              }

              obj.refused++

              break
            }
            case 4: {
              yield {
                field: `${prefix}.status`,
                value: LookupStatus.codec().decode(reader)
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.isHeavy`,
                value: reader.bool()
              }
              break
            }
            case 6: {
              if (opts.limits?.named != null && obj.named === opts.limits.named) {
                throw new MaxLengthError('Streaming decode error - repeated field "named" had too many elements')
              }

              if (obj.named === 256) {
                throw new MaxLengthError('Streaming decode error - repeated field "named" had too many elements')
              }

              for (const evt of LookupNode.codec().stream(reader, reader.uint32(), `${prefix}.named[]`, {
                limits: opts.limits?.named$
              })) {
                yield {
                  ...evt,
                  index: obj.named
                }
              }

              obj.named++

              break
            }
            case 7: {
              if (opts.limits?.more != null && obj.more === opts.limits.more) {
                throw new MaxLengthError('Streaming decode error - repeated field "more" had too many elements')
              }

              if (obj.more === 63) {
                throw new MaxLengthError('Streaming decode error - repeated field "more" had too many elements')
              }

              for (const evt of PlaceAnswer.codec().stream(reader, reader.uint32(), `${prefix}.more[]`, {
                limits: opts.limits?.more$
              })) {
                yield {
                  ...evt,
                  index: obj.more
                }
              }

              obj.more++

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

  export interface LookupReplyOwnersDidFieldEvent {
    field: '$.owners[].did'
    value: string
    index: number
  }

  export interface LookupReplyOwnersAddressesFieldEvent {
    field: '$.owners[].addresses[]'
    index: number
    value: string
  }

  export interface LookupReplyOwnersIsHeavyFieldEvent {
    field: '$.owners[].isHeavy'
    value: boolean
    index: number
  }

  export interface LookupReplyCloserDidFieldEvent {
    field: '$.closer[].did'
    value: string
    index: number
  }

  export interface LookupReplyCloserAddressesFieldEvent {
    field: '$.closer[].addresses[]'
    index: number
    value: string
  }

  export interface LookupReplyCloserIsHeavyFieldEvent {
    field: '$.closer[].isHeavy'
    value: boolean
    index: number
  }

  export interface LookupReplyRefusedFieldEvent {
    field: '$.refused[]'
    index: number
    value: number
  }

  export interface LookupReplyStatusFieldEvent {
    field: '$.status'
    value: LookupStatus
  }

  export interface LookupReplyIsHeavyFieldEvent {
    field: '$.isHeavy'
    value: boolean
  }

  export interface LookupReplyNamedDidFieldEvent {
    field: '$.named[].did'
    value: string
    index: number
  }

  export interface LookupReplyNamedAddressesFieldEvent {
    field: '$.named[].addresses[]'
    index: number
    value: string
  }

  export interface LookupReplyNamedIsHeavyFieldEvent {
    field: '$.named[].isHeavy'
    value: boolean
    index: number
  }

  export interface LookupReplyMoreOwnersFieldEvent {
    field: '$.more[].owners[]'
    index: number
    value: number
  }

  export interface LookupReplyMoreCloserFieldEvent {
    field: '$.more[].closer[]'
    index: number
    value: number
  }

  export function encode (obj: Partial<LookupReply>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, LookupReply.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LookupReply>): LookupReply {
    return decodeMessage(buf, LookupReply.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LookupReply>): Generator<LookupReplyOwnersDidFieldEvent | LookupReplyOwnersAddressesFieldEvent | LookupReplyOwnersIsHeavyFieldEvent | LookupReplyCloserDidFieldEvent | LookupReplyCloserAddressesFieldEvent | LookupReplyCloserIsHeavyFieldEvent | LookupReplyRefusedFieldEvent | LookupReplyStatusFieldEvent | LookupReplyIsHeavyFieldEvent | LookupReplyNamedDidFieldEvent | LookupReplyNamedAddressesFieldEvent | LookupReplyNamedIsHeavyFieldEvent | LookupReplyMoreOwnersFieldEvent | LookupReplyMoreCloserFieldEvent> {
    return streamMessage(buf, LookupReply.codec(), opts)
  }
}

export interface PlaceAnswer {
  owners: number[]
  closer: number[]
}

export namespace PlaceAnswer {
  let _codec: Codec<PlaceAnswer>

  export const codec = (): Codec<PlaceAnswer> => {
    if (_codec == null) {
      _codec = message<PlaceAnswer>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.owners != null && obj.owners.length > 0) {
          for (const value of obj.owners) {
            w.uint32(8)
            w.uint32(value)
          }
        }

        if (obj.closer != null && obj.closer.length > 0) {
          for (const value of obj.closer) {
            w.uint32(16)
            w.uint32(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          owners: [],
          closer: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.owners != null && obj.owners.length === opts.limits.owners) {
                throw new MaxLengthError('Decode error - repeated field "owners" had too many elements')
              }

              if (obj.owners.length === 16) {
                throw new MaxLengthError('Decode error - repeated field "owners" had too many elements')
              }

              obj.owners.push(reader.uint32())
              break
            }
            case 2: {
              if (opts.limits?.closer != null && obj.closer.length === opts.limits.closer) {
                throw new MaxLengthError('Decode error - repeated field "closer" had too many elements')
              }

              if (obj.closer.length === 16) {
                throw new MaxLengthError('Decode error - repeated field "closer" had too many elements')
              }

              obj.closer.push(reader.uint32())
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
        const obj = {
          owners: 16,
          closer: 16
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.owners != null && obj.owners === opts.limits.owners) {
                throw new MaxLengthError('Streaming decode error - repeated field "owners" had too many elements')
              }

              if (obj.owners === 16) {
                throw new MaxLengthError('Streaming decode error - repeated field "owners" had too many elements')
              }

              yield {
                field: `${prefix}.owners[]`,
                index: obj.owners,
                value: reader.uint32()
              }

              obj.owners++

              break
            }
            case 2: {
              if (opts.limits?.closer != null && obj.closer === opts.limits.closer) {
                throw new MaxLengthError('Streaming decode error - repeated field "closer" had too many elements')
              }

              if (obj.closer === 16) {
                throw new MaxLengthError('Streaming decode error - repeated field "closer" had too many elements')
              }

              yield {
                field: `${prefix}.closer[]`,
                index: obj.closer,
                value: reader.uint32()
              }

              obj.closer++

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

  export interface PlaceAnswerOwnersFieldEvent {
    field: '$.owners[]'
    index: number
    value: number
  }

  export interface PlaceAnswerCloserFieldEvent {
    field: '$.closer[]'
    index: number
    value: number
  }

  export function encode (obj: Partial<PlaceAnswer>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, PlaceAnswer.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PlaceAnswer>): PlaceAnswer {
    return decodeMessage(buf, PlaceAnswer.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PlaceAnswer>): Generator<PlaceAnswerOwnersFieldEvent | PlaceAnswerCloserFieldEvent> {
    return streamMessage(buf, PlaceAnswer.codec(), opts)
  }
}

export enum LookupStatus {
  UNSET = 'UNSET',
  ANSWERED = 'ANSWERED',
  BUSY = 'BUSY',
  OTHER_NETWORK = 'OTHER_NETWORK'
}

enum __LookupStatusValues {
  UNSET = 0,
  ANSWERED = 1,
  BUSY = 2,
  OTHER_NETWORK = 3
}

export namespace LookupStatus {
  export const codec = (): Codec<LookupStatus> => {
    return enumeration<LookupStatus>(__LookupStatusValues)
  }
}

export interface LookupNode {
  did: string
  addresses: string[]
  isHeavy: boolean
}

export namespace LookupNode {
  let _codec: Codec<LookupNode>

  export const codec = (): Codec<LookupNode> => {
    if (_codec == null) {
      _codec = message<LookupNode>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.did != null && obj.did !== '')) {
          w.uint32(10)
          w.string(obj.did)
        }

        if (obj.addresses != null && obj.addresses.length > 0) {
          for (const value of obj.addresses) {
            w.uint32(18)
            w.string(value)
          }
        }

        if ((obj.isHeavy != null && obj.isHeavy !== false)) {
          w.uint32(24)
          w.bool(obj.isHeavy)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          did: '',
          addresses: [],
          isHeavy: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.did = reader.string()
              break
            }
            case 2: {
              if (opts.limits?.addresses != null && obj.addresses.length === opts.limits.addresses) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              if (obj.addresses.length === 8) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              obj.addresses.push(reader.string())
              break
            }
            case 3: {
              obj.isHeavy = reader.bool()
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
        const obj = {
          addresses: 8
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.did`,
                value: reader.string()
              }
              break
            }
            case 2: {
              if (opts.limits?.addresses != null && obj.addresses === opts.limits.addresses) {
                throw new MaxLengthError('Streaming decode error - repeated field "addresses" had too many elements')
              }

              if (obj.addresses === 8) {
                throw new MaxLengthError('Streaming decode error - repeated field "addresses" had too many elements')
              }

              yield {
                field: `${prefix}.addresses[]`,
                index: obj.addresses,
                value: reader.string()
              }

              obj.addresses++

              break
            }
            case 3: {
              yield {
                field: `${prefix}.isHeavy`,
                value: reader.bool()
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

  export interface LookupNodeDidFieldEvent {
    field: '$.did'
    value: string
  }

  export interface LookupNodeAddressesFieldEvent {
    field: '$.addresses[]'
    index: number
    value: string
  }

  export interface LookupNodeIsHeavyFieldEvent {
    field: '$.isHeavy'
    value: boolean
  }

  export function encode (obj: Partial<LookupNode>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, LookupNode.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LookupNode>): LookupNode {
    return decodeMessage(buf, LookupNode.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LookupNode>): Generator<LookupNodeDidFieldEvent | LookupNodeAddressesFieldEvent | LookupNodeIsHeavyFieldEvent> {
    return streamMessage(buf, LookupNode.codec(), opts)
  }
}
