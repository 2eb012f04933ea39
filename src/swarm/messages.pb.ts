// @ts-nocheck: generated for less strict settings than ours
/* eslint-disable require-yield */

import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface BundleRequest {
  list?: ListRequest
  file?: FileRequest
  trees?: TreesRequest
  join?: JoinRequest
  memberships: Uint8Array<ArrayBuffer>[]
}

export namespace BundleRequest {
  let _codec: Codec<BundleRequest>

  export const codec = (): Codec<BundleRequest> => {
    if (_codec == null) {
      _codec = message<BundleRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.list != null) {
          w.uint32(10)
          ListRequest.codec().encode(obj.list, w)
        }

        if (obj.file != null) {
          w.uint32(18)
          FileRequest.codec().encode(obj.file, w)
        }

        if (obj.trees != null) {
          w.uint32(26)
          TreesRequest.codec().encode(obj.trees, w)
        }

        if (obj.join != null) {
          w.uint32(34)
          JoinRequest.codec().encode(obj.join, w)
        }

        if (obj.memberships != null && obj.memberships.length > 0) {
          for (const value of obj.memberships) {
            w.uint32(42)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          memberships: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.list = ListRequest.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.list
              })
              break
            }
            case 2: {
              obj.file = FileRequest.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.file
              })
              break
            }
            case 3: {
              obj.trees = TreesRequest.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.trees
              })
              break
            }
            case 4: {
              obj.join = JoinRequest.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.join
              })
              break
            }
            case 5: {
              if (opts.limits?.memberships != null && obj.memberships.length === opts.limits.memberships) {
                throw new MaxLengthError('Decode error - repeated field "memberships" had too many elements')
              }

              if (obj.memberships.length === 16) {
                throw new MaxLengthError('Decode error - repeated field "memberships" had too many elements')
              }

              obj.memberships.push(reader.bytes())
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
          memberships: 16
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * ListRequest.codec().stream(reader, reader.uint32(), `${prefix}.list`, {
                limits: opts.limits?.list
              })

              break
            }
            case 2: {
              yield * FileRequest.codec().stream(reader, reader.uint32(), `${prefix}.file`, {
                limits: opts.limits?.file
              })

              break
            }
            case 3: {
              yield * TreesRequest.codec().stream(reader, reader.uint32(), `${prefix}.trees`, {
                limits: opts.limits?.trees
              })

              break
            }
            case 4: {
              yield * JoinRequest.codec().stream(reader, reader.uint32(), `${prefix}.join`, {
                limits: opts.limits?.join
              })

              break
            }
            case 5: {
              if (opts.limits?.memberships != null && obj.memberships === opts.limits.memberships) {
                throw new MaxLengthError('Streaming decode error - repeated field "memberships" had too many elements')
              }

              if (obj.memberships === 16) {
                throw new MaxLengthError('Streaming decode error - repeated field "memberships" had too many elements')
              }

              yield {
                field: `${prefix}.memberships[]`,
                index: obj.memberships,
                value: reader.bytes()
              }

              obj.memberships++

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

  export interface BundleRequestFileNameFieldEvent {
    field: '$.file.name'
    value: string
  }

  export interface BundleRequestFileSourceFieldEvent {
    field: '$.file.source'
    value: string
  }

  export interface BundleRequestFileFileFieldEvent {
    field: '$.file.file'
    value: string
  }

  export interface BundleRequestTreesSha256FieldEvent {
    field: '$.trees.sha256[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface BundleRequestJoinTokenFieldEvent {
    field: '$.join.token'
    value: string
  }

  export interface BundleRequestMembershipsFieldEvent {
    field: '$.memberships[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<BundleRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, BundleRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<BundleRequest>): BundleRequest {
    return decodeMessage(buf, BundleRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<BundleRequest>): Generator<BundleRequestFileNameFieldEvent | BundleRequestFileSourceFieldEvent | BundleRequestFileFileFieldEvent | BundleRequestTreesSha256FieldEvent | BundleRequestJoinTokenFieldEvent | BundleRequestMembershipsFieldEvent> {
    return streamMessage(buf, BundleRequest.codec(), opts)
  }
}

export interface JoinRequest {
  token: string
}

export namespace JoinRequest {
  let _codec: Codec<JoinRequest>

  export const codec = (): Codec<JoinRequest> => {
    if (_codec == null) {
      _codec = message<JoinRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.token != null && obj.token !== '')) {
          w.uint32(10)
          w.string(obj.token)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          token: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.token = reader.string()
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
                field: `${prefix}.token`,
                value: reader.string()
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

  export interface JoinRequestTokenFieldEvent {
    field: '$.token'
    value: string
  }

  export function encode (obj: Partial<JoinRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, JoinRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JoinRequest>): JoinRequest {
    return decodeMessage(buf, JoinRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JoinRequest>): Generator<JoinRequestTokenFieldEvent> {
    return streamMessage(buf, JoinRequest.codec(), opts)
  }
}

export interface ListRequest {}

export namespace ListRequest {
  let _codec: Codec<ListRequest>

  export const codec = (): Codec<ListRequest> => {
    if (_codec == null) {
      _codec = message<ListRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
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

  export function encode (obj: Partial<ListRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, ListRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ListRequest>): ListRequest {
    return decodeMessage(buf, ListRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ListRequest>): Generator<{}> {
    return streamMessage(buf, ListRequest.codec(), opts)
  }
}

export interface FileRequest {
  name: string
  source: string
  file: string
}

export namespace FileRequest {
  let _codec: Codec<FileRequest>

  export const codec = (): Codec<FileRequest> => {
    if (_codec == null) {
      _codec = message<FileRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.name != null && obj.name !== '')) {
          w.uint32(10)
          w.string(obj.name)
        }

        if ((obj.source != null && obj.source !== '')) {
          w.uint32(18)
          w.string(obj.source)
        }

        if ((obj.file != null && obj.file !== '')) {
          w.uint32(26)
          w.string(obj.file)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          name: '',
          source: '',
          file: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.name = reader.string()
              break
            }
            case 2: {
              obj.source = reader.string()
              break
            }
            case 3: {
              obj.file = reader.string()
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
                field: `${prefix}.name`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.source`,
                value: reader.string()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.file`,
                value: reader.string()
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

  export interface FileRequestNameFieldEvent {
    field: '$.name'
    value: string
  }

  export interface FileRequestSourceFieldEvent {
    field: '$.source'
    value: string
  }

  export interface FileRequestFileFieldEvent {
    field: '$.file'
    value: string
  }

  export function encode (obj: Partial<FileRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, FileRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<FileRequest>): FileRequest {
    return decodeMessage(buf, FileRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<FileRequest>): Generator<FileRequestNameFieldEvent | FileRequestSourceFieldEvent | FileRequestFileFieldEvent> {
    return streamMessage(buf, FileRequest.codec(), opts)
  }
}

export interface TreesRequest {
  sha256: Uint8Array<ArrayBuffer>[]
}

export namespace TreesRequest {
  let _codec: Codec<TreesRequest>

  export const codec = (): Codec<TreesRequest> => {
    if (_codec == null) {
      _codec = message<TreesRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.sha256 != null && obj.sha256.length > 0) {
          for (const value of obj.sha256) {
            w.uint32(10)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          sha256: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.sha256 != null && obj.sha256.length === opts.limits.sha256) {
                throw new MaxLengthError('Decode error - repeated field "sha256" had too many elements')
              }

              if (obj.sha256.length === 256) {
                throw new MaxLengthError('Decode error - repeated field "sha256" had too many elements')
              }

              obj.sha256.push(reader.bytes())
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
          sha256: 256
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.sha256 != null && obj.sha256 === opts.limits.sha256) {
                throw new MaxLengthError('Streaming decode error - repeated field "sha256" had too many elements')
              }

              if (obj.sha256 === 256) {
                throw new MaxLengthError('Streaming decode error - repeated field "sha256" had too many elements')
              }

              yield {
                field: `${prefix}.sha256[]`,
                index: obj.sha256,
                value: reader.bytes()
              }

              obj.sha256++

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

  export interface TreesRequestSha256FieldEvent {
    field: '$.sha256[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<TreesRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, TreesRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TreesRequest>): TreesRequest {
    return decodeMessage(buf, TreesRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TreesRequest>): Generator<TreesRequestSha256FieldEvent> {
    return streamMessage(buf, TreesRequest.codec(), opts)
  }
}

export interface BundleReply {
  bundles: BundleListing[]
  data: Uint8Array<ArrayBuffer>
  found: boolean
  trees: Tree[]
  last: boolean
  refusal: string
  membership: Uint8Array<ArrayBuffer>
}

export namespace BundleReply {
  let _codec: Codec<BundleReply>

  export const codec = (): Codec<BundleReply> => {
    if (_codec == null) {
      _codec = message<BundleReply>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.bundles != null && obj.bundles.length > 0) {
          for (const value of obj.bundles) {
            w.uint32(10)
            BundleListing.codec().encode(value, w)
          }
        }

        if ((obj.data != null && obj.data.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.data)
        }

        if ((obj.found != null && obj.found !== false)) {
          w.uint32(24)
          w.bool(obj.found)
        }

        if (obj.trees != null && obj.trees.length > 0) {
          for (const value of obj.trees) {
            w.uint32(34)
            Tree.codec().encode(value, w)
          }
        }

        if ((obj.last != null && obj.last !== false)) {
          w.uint32(40)
          w.bool(obj.last)
        }

        if ((obj.refusal != null && obj.refusal !== '')) {
          w.uint32(50)
          w.string(obj.refusal)
        }

        if ((obj.membership != null && obj.membership.byteLength > 0)) {
          w.uint32(58)
          w.bytes(obj.membership)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          bundles: [],
          data: uint8ArrayAlloc(0),
          found: false,
          trees: [],
          last: false,
          refusal: '',
          membership: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.bundles != null && obj.bundles.length === opts.limits.bundles) {
                throw new MaxLengthError('Decode error - repeated field "bundles" had too many elements')
              }

              if (obj.bundles.length === 1000) {
                throw new MaxLengthError('Decode error - repeated field "bundles" had too many elements')
              }

              obj.bundles.push(BundleListing.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.bundles$
              }))
              break
            }
            case 2: {
              obj.data = reader.bytes()
              break
            }
            case 3: {
              obj.found = reader.bool()
              break
            }
            case 4: {
              if (opts.limits?.trees != null && obj.trees.length === opts.limits.trees) {
                throw new MaxLengthError('Decode error - repeated field "trees" had too many elements')
              }

              if (obj.trees.length === 256) {
                throw new MaxLengthError('Decode error - repeated field "trees" had too many elements')
              }

              obj.trees.push(Tree.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.trees$
              }))
              break
            }
            case 5: {
              obj.last = reader.bool()
              break
            }
            case 6: {
              obj.refusal = reader.string()
              break
            }
            case 7: {
              obj.membership = reader.bytes()
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
          bundles: 1000,
          trees: 256
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.bundles != null && obj.bundles === opts.limits.bundles) {
                throw new MaxLengthError('Streaming decode error - repeated field "bundles" had too many elements')
              }

              if (obj.bundles === 1000) {
                throw new MaxLengthError('Streaming decode error - repeated field "bundles" had too many elements')
              }

              for (const evt of BundleListing.codec().stream(reader, reader.uint32(), `${prefix}.bundles[]`, {
                limits: opts.limits?.bundles$
              })) {
                yield {
                  ...evt,
                  index: obj.bundles
                }
              }

              obj.bundles++

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
                field: `${prefix}.found`,
                value: reader.bool()
              }
              break
            }
            case 4: {
              if (opts.limits?.trees != null && obj.trees === opts.limits.trees) {
                throw new MaxLengthError('Streaming decode error - repeated field "trees" had too many elements')
              }

              if (obj.trees === 256) {
                throw new MaxLengthError('Streaming decode error - repeated field "trees" had too many elements')
              }

              for (const evt of Tree.codec().stream(reader, reader.uint32(), `${prefix}.trees[]`, {
                limits: opts.limits?.trees$
              })) {
                yield {
                  ...evt,
                  index: obj.trees
                }
              }

              obj.trees++

              break
            }
            case 5: {
              yield {
                field: `${prefix}.last`,
                value: reader.bool()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.refusal`,
                value: reader.string()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.membership`,
                value: reader.bytes()
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

  export interface BundleReplyBundlesNameFieldEvent {
    field: '$.bundles[].name'
    value: string
    index: number
  }

  export interface BundleReplyBundlesSourceFieldEvent {
    field: '$.bundles[].source'
    value: string
    index: number
  }

  export interface BundleReplyBundlesVersionFieldEvent {
    field: '$.bundles[].version'
    value: number
    index: number
  }

  export interface BundleReplyDataFieldEvent {
    field: '$.data'
    value: Uint8Array<ArrayBuffer>
  }

  export interface BundleReplyFoundFieldEvent {
    field: '$.found'
    value: boolean
  }

  export interface BundleReplyTreesSha256FieldEvent {
    field: '$.trees[].sha256'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface BundleReplyTreesFirstFieldEvent {
    field: '$.trees[].first'
    value: number
    index: number
  }

  export interface BundleReplyTreesLeavesFieldEvent {
    field: '$.trees[].leaves'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface BundleReplyLastFieldEvent {
    field: '$.last'
    value: boolean
  }

  export interface BundleReplyRefusalFieldEvent {
    field: '$.refusal'
    value: string
  }

  export interface BundleReplyMembershipFieldEvent {
    field: '$.membership'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<BundleReply>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, BundleReply.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<BundleReply>): BundleReply {
    return decodeMessage(buf, BundleReply.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<BundleReply>): Generator<BundleReplyBundlesNameFieldEvent | BundleReplyBundlesSourceFieldEvent | BundleReplyBundlesVersionFieldEvent | BundleReplyDataFieldEvent | BundleReplyFoundFieldEvent | BundleReplyTreesSha256FieldEvent | BundleReplyTreesFirstFieldEvent | BundleReplyTreesLeavesFieldEvent | BundleReplyLastFieldEvent | BundleReplyRefusalFieldEvent | BundleReplyMembershipFieldEvent> {
    return streamMessage(buf, BundleReply.codec(), opts)
  }
}

export interface BundleListing {
  name: string
  source: string
  version: number
}

export namespace BundleListing {
  let _codec: Codec<BundleListing>

  export const codec = (): Codec<BundleListing> => {
    if (_codec == null) {
      _codec = message<BundleListing>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.name != null && obj.name !== '')) {
          w.uint32(10)
          w.string(obj.name)
        }

        if ((obj.source != null && obj.source !== '')) {
          w.uint32(18)
          w.string(obj.source)
        }

        if ((obj.version != null && obj.version !== 0)) {
          w.uint32(24)
          w.uint32(obj.version)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          name: '',
          source: '',
          version: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.name = reader.string()
              break
            }
            case 2: {
              obj.source = reader.string()
              break
            }
            case 3: {
              obj.version = reader.uint32()
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
                field: `${prefix}.name`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.source`,
                value: reader.string()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.version`,
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

  export interface BundleListingNameFieldEvent {
    field: '$.name'
    value: string
  }

  export interface BundleListingSourceFieldEvent {
    field: '$.source'
    value: string
  }

  export interface BundleListingVersionFieldEvent {
    field: '$.version'
    value: number
  }

  export function encode (obj: Partial<BundleListing>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, BundleListing.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<BundleListing>): BundleListing {
    return decodeMessage(buf, BundleListing.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<BundleListing>): Generator<BundleListingNameFieldEvent | BundleListingSourceFieldEvent | BundleListingVersionFieldEvent> {
    return streamMessage(buf, BundleListing.codec(), opts)
  }
}

export interface Tree {
  sha256: Uint8Array<ArrayBuffer>
  first: number
  leaves: Uint8Array<ArrayBuffer>
}

export namespace Tree {
  let _codec: Codec<Tree>

  export const codec = (): Codec<Tree> => {
    if (_codec == null) {
      _codec = message<Tree>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.sha256 != null && obj.sha256.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.sha256)
        }

        if ((obj.first != null && obj.first !== 0)) {
          w.uint32(16)
          w.uint32(obj.first)
        }

        if ((obj.leaves != null && obj.leaves.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.leaves)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          sha256: uint8ArrayAlloc(0),
          first: 0,
          leaves: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.sha256 = reader.bytes()
              break
            }
            case 2: {
              obj.first = reader.uint32()
              break
            }
            case 3: {
              obj.leaves = reader.bytes()
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
                field: `${prefix}.sha256`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.first`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.leaves`,
                value: reader.bytes()
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

  export interface TreeSha256FieldEvent {
    field: '$.sha256'
    value: Uint8Array<ArrayBuffer>
  }

  export interface TreeFirstFieldEvent {
    field: '$.first'
    value: number
  }

  export interface TreeLeavesFieldEvent {
    field: '$.leaves'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Tree>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Tree.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Tree>): Tree {
    return decodeMessage(buf, Tree.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Tree>): Generator<TreeSha256FieldEvent | TreeFirstFieldEvent | TreeLeavesFieldEvent> {
    return streamMessage(buf, Tree.codec(), opts)
  }
}

export interface PieceFrame {
  manifest: Uint8Array<ArrayBuffer>
  hello?: Hello
  change?: Change
  ask?: Ask
  answer?: Answer
  cancel?: number
  siblings?: Siblings
  bye: boolean
  members?: Members
}

export namespace PieceFrame {
  let _codec: Codec<PieceFrame>

  export const codec = (): Codec<PieceFrame> => {
    if (_codec == null) {
      _codec = message<PieceFrame>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.manifest != null && obj.manifest.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.manifest)
        }

        if (obj.hello != null) {
          w.uint32(18)
          Hello.codec().encode(obj.hello, w)
        }

        if (obj.change != null) {
          w.uint32(26)
          Change.codec().encode(obj.change, w)
        }

        if (obj.ask != null) {
          w.uint32(34)
          Ask.codec().encode(obj.ask, w)
        }

        if (obj.answer != null) {
          w.uint32(42)
          Answer.codec().encode(obj.answer, w)
        }

        if (obj.cancel != null) {
          w.uint32(48)
          w.uint32(obj.cancel)
        }

        if (obj.siblings != null) {
          w.uint32(58)
          Siblings.codec().encode(obj.siblings, w)
        }

        if ((obj.bye != null && obj.bye !== false)) {
          w.uint32(64)
          w.bool(obj.bye)
        }

        if (obj.members != null) {
          w.uint32(74)
          Members.codec().encode(obj.members, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          manifest: uint8ArrayAlloc(0),
          bye: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.manifest = reader.bytes()
              break
            }
            case 2: {
              obj.hello = Hello.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.hello
              })
              break
            }
            case 3: {
              obj.change = Change.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.change
              })
              break
            }
            case 4: {
              obj.ask = Ask.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.ask
              })
              break
            }
            case 5: {
              obj.answer = Answer.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.answer
              })
              break
            }
            case 6: {
              obj.cancel = reader.uint32()
              break
            }
            case 7: {
              obj.siblings = Siblings.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.siblings
              })
              break
            }
            case 8: {
              obj.bye = reader.bool()
              break
            }
            case 9: {
              obj.members = Members.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.members
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
                field: `${prefix}.manifest`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield * Hello.codec().stream(reader, reader.uint32(), `${prefix}.hello`, {
                limits: opts.limits?.hello
              })

              break
            }
            case 3: {
              yield * Change.codec().stream(reader, reader.uint32(), `${prefix}.change`, {
                limits: opts.limits?.change
              })

              break
            }
            case 4: {
              yield * Ask.codec().stream(reader, reader.uint32(), `${prefix}.ask`, {
                limits: opts.limits?.ask
              })

              break
            }
            case 5: {
              yield * Answer.codec().stream(reader, reader.uint32(), `${prefix}.answer`, {
                limits: opts.limits?.answer
              })

              break
            }
            case 6: {
              yield {
                field: `${prefix}.cancel`,
                value: reader.uint32()
              }
              break
            }
            case 7: {
              yield * Siblings.codec().stream(reader, reader.uint32(), `${prefix}.siblings`, {
                limits: opts.limits?.siblings
              })

              break
            }
            case 8: {
              yield {
                field: `${prefix}.bye`,
                value: reader.bool()
              }
              break
            }
            case 9: {
              yield * Members.codec().stream(reader, reader.uint32(), `${prefix}.members`, {
                limits: opts.limits?.members
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

  export interface PieceFrameManifestFieldEvent {
    field: '$.manifest'
    value: Uint8Array<ArrayBuffer>
  }

  export interface PieceFrameHelloHeldFieldEvent {
    field: '$.hello.held'
    value: Uint8Array<ArrayBuffer>
  }

  export interface PieceFrameHelloWantedFieldEvent {
    field: '$.hello.wanted'
    value: Uint8Array<ArrayBuffer>
  }

  export interface PieceFrameHelloReplyFieldEvent {
    field: '$.hello.reply'
    value: boolean
  }

  export interface PieceFrameHelloAddressesFieldEvent {
    field: '$.hello.addresses[]'
    index: number
    value: string
  }

  export interface PieceFrameChangeGainedFieldEvent {
    field: '$.change.gained[]'
    index: number
    value: number
  }

  export interface PieceFrameChangeLostFieldEvent {
    field: '$.change.lost[]'
    index: number
    value: number
  }

  export interface PieceFrameAskIdFieldEvent {
    field: '$.ask.id'
    value: number
  }

  export interface PieceFrameAskRunsFieldEvent {
    field: '$.ask.runs[]'
    index: number
    value: number
  }

  export interface PieceFrameAskMaxBytesFieldEvent {
    field: '$.ask.maxBytes'
    value: number
  }

  export interface PieceFrameAskSiblingsFieldEvent {
    field: '$.ask.siblings'
    value: number
  }

  export interface PieceFrameAskInOrderFieldEvent {
    field: '$.ask.inOrder'
    value: boolean
  }

  export interface PieceFrameAnswerIdFieldEvent {
    field: '$.answer.id'
    value: number
  }

  export interface PieceFrameAnswerPiecesLeafFieldEvent {
    field: '$.answer.pieces[].leaf'
    value: number
    index: number
  }

  export interface PieceFrameAnswerPiecesDataFieldEvent {
    field: '$.answer.pieces[].data'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface PieceFrameCancelFieldEvent {
    field: '$.cancel'
    value: number
  }

  export interface PieceFrameSiblingsSiblingsPeerFieldEvent {
    field: '$.siblings.siblings[].peer'
    value: string
    index: number
  }

  export interface PieceFrameSiblingsSiblingsAddressesFieldEvent {
    field: '$.siblings.siblings[].addresses[]'
    index: number
    value: string
  }

  export interface PieceFrameByeFieldEvent {
    field: '$.bye'
    value: boolean
  }

  export interface PieceFrameMembersMembershipsFieldEvent {
    field: '$.members.memberships[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<PieceFrame>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, PieceFrame.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PieceFrame>): PieceFrame {
    return decodeMessage(buf, PieceFrame.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PieceFrame>): Generator<PieceFrameManifestFieldEvent | PieceFrameHelloHeldFieldEvent | PieceFrameHelloWantedFieldEvent | PieceFrameHelloReplyFieldEvent | PieceFrameHelloAddressesFieldEvent | PieceFrameChangeGainedFieldEvent | PieceFrameChangeLostFieldEvent | PieceFrameAskIdFieldEvent | PieceFrameAskRunsFieldEvent | PieceFrameAskMaxBytesFieldEvent | PieceFrameAskSiblingsFieldEvent | PieceFrameAskInOrderFieldEvent | PieceFrameAnswerIdFieldEvent | PieceFrameAnswerPiecesLeafFieldEvent | PieceFrameAnswerPiecesDataFieldEvent | PieceFrameCancelFieldEvent | PieceFrameSiblingsSiblingsPeerFieldEvent | PieceFrameSiblingsSiblingsAddressesFieldEvent | PieceFrameByeFieldEvent | PieceFrameMembersMembershipsFieldEvent> {
    return streamMessage(buf, PieceFrame.codec(), opts)
  }
}

export interface Members {
  memberships: Uint8Array<ArrayBuffer>[]
}

export namespace Members {
  let _codec: Codec<Members>

  export const codec = (): Codec<Members> => {
    if (_codec == null) {
      _codec = message<Members>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.memberships != null && obj.memberships.length > 0) {
          for (const value of obj.memberships) {
            w.uint32(10)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          memberships: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.memberships != null && obj.memberships.length === opts.limits.memberships) {
                throw new MaxLengthError('Decode error - repeated field "memberships" had too many elements')
              }

              if (obj.memberships.length === 16) {
                throw new MaxLengthError('Decode error - repeated field "memberships" had too many elements')
              }

              obj.memberships.push(reader.bytes())
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
          memberships: 16
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.memberships != null && obj.memberships === opts.limits.memberships) {
                throw new MaxLengthError('Streaming decode error - repeated field "memberships" had too many elements')
              }

              if (obj.memberships === 16) {
                throw new MaxLengthError('Streaming decode error - repeated field "memberships" had too many elements')
              }

              yield {
                field: `${prefix}.memberships[]`,
                index: obj.memberships,
                value: reader.bytes()
              }

              obj.memberships++

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

  export interface MembersMembershipsFieldEvent {
    field: '$.memberships[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Members>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Members.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Members>): Members {
    return decodeMessage(buf, Members.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Members>): Generator<MembersMembershipsFieldEvent> {
    return streamMessage(buf, Members.codec(), opts)
  }
}

export interface Hello {
  held: Uint8Array<ArrayBuffer>
  wanted?: Uint8Array<ArrayBuffer>
  reply: boolean
  addresses: string[]
}

export namespace Hello {
  let _codec: Codec<Hello>

  export const codec = (): Codec<Hello> => {
    if (_codec == null) {
      _codec = message<Hello>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.held != null && obj.held.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.held)
        }

        if (obj.wanted != null) {
          w.uint32(18)
          w.bytes(obj.wanted)
        }

        if ((obj.reply != null && obj.reply !== false)) {
          w.uint32(24)
          w.bool(obj.reply)
        }

        if (obj.addresses != null && obj.addresses.length > 0) {
          for (const value of obj.addresses) {
            w.uint32(34)
            w.string(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          held: uint8ArrayAlloc(0),
          reply: false,
          addresses: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.held = reader.bytes()
              break
            }
            case 2: {
              obj.wanted = reader.bytes()
              break
            }
            case 3: {
              obj.reply = reader.bool()
              break
            }
            case 4: {
              if (opts.limits?.addresses != null && obj.addresses.length === opts.limits.addresses) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              if (obj.addresses.length === 16) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              obj.addresses.push(reader.string())
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
          addresses: 16
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.held`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.wanted`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.reply`,
                value: reader.bool()
              }
              break
            }
            case 4: {
              if (opts.limits?.addresses != null && obj.addresses === opts.limits.addresses) {
                throw new MaxLengthError('Streaming decode error - repeated field "addresses" had too many elements')
              }

              if (obj.addresses === 16) {
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

  export interface HelloHeldFieldEvent {
    field: '$.held'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HelloWantedFieldEvent {
    field: '$.wanted'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HelloReplyFieldEvent {
    field: '$.reply'
    value: boolean
  }

  export interface HelloAddressesFieldEvent {
    field: '$.addresses[]'
    index: number
    value: string
  }

  export function encode (obj: Partial<Hello>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Hello.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Hello>): Hello {
    return decodeMessage(buf, Hello.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Hello>): Generator<HelloHeldFieldEvent | HelloWantedFieldEvent | HelloReplyFieldEvent | HelloAddressesFieldEvent> {
    return streamMessage(buf, Hello.codec(), opts)
  }
}

export interface Change {
  gained: number[]
  lost: number[]
}

export namespace Change {
  let _codec: Codec<Change>

  export const codec = (): Codec<Change> => {
    if (_codec == null) {
      _codec = message<Change>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.gained != null && obj.gained.length > 0) {
          for (const value of obj.gained) {
            w.uint32(8)
            w.uint32(value)
          }
        }

        if (obj.lost != null && obj.lost.length > 0) {
          for (const value of obj.lost) {
            w.uint32(16)
            w.uint32(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          gained: [],
          lost: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.gained != null && obj.gained.length === opts.limits.gained) {
                throw new MaxLengthError('Decode error - repeated field "gained" had too many elements')
              }

              if (obj.gained.length === 4096) {
                throw new MaxLengthError('Decode error - repeated field "gained" had too many elements')
              }

              obj.gained.push(reader.uint32())
              break
            }
            case 2: {
              if (opts.limits?.lost != null && obj.lost.length === opts.limits.lost) {
                throw new MaxLengthError('Decode error - repeated field "lost" had too many elements')
              }

              if (obj.lost.length === 4096) {
                throw new MaxLengthError('Decode error - repeated field "lost" had too many elements')
              }

              obj.lost.push(reader.uint32())
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
          gained: 4096,
          lost: 4096
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.gained != null && obj.gained === opts.limits.gained) {
                throw new MaxLengthError('Streaming decode error - repeated field "gained" had too many elements')
              }

              if (obj.gained === 4096) {
                throw new MaxLengthError('Streaming decode error - repeated field "gained" had too many elements')
              }

              yield {
                field: `${prefix}.gained[]`,
                index: obj.gained,
                value: reader.uint32()
              }

              obj.gained++

              break
            }
            case 2: {
              if (opts.limits?.lost != null && obj.lost === opts.limits.lost) {
                throw new MaxLengthError('Streaming decode error - repeated field "lost" had too many elements')
              }

              if (obj.lost === 4096) {
                throw new MaxLengthError('Streaming decode error - repeated field "lost" had too many elements')
              }

              yield {
                field: `${prefix}.lost[]`,
                index: obj.lost,
                value: reader.uint32()
              }

              obj.lost++

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

  export interface ChangeGainedFieldEvent {
    field: '$.gained[]'
    index: number
    value: number
  }

  export interface ChangeLostFieldEvent {
    field: '$.lost[]'
    index: number
    value: number
  }

  export function encode (obj: Partial<Change>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Change.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Change>): Change {
    return decodeMessage(buf, Change.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Change>): Generator<ChangeGainedFieldEvent | ChangeLostFieldEvent> {
    return streamMessage(buf, Change.codec(), opts)
  }
}

export interface Ask {
  id: number
  runs: number[]
  maxBytes: number
  siblings: number
  inOrder: boolean
}

export namespace Ask {
  let _codec: Codec<Ask>

  export const codec = (): Codec<Ask> => {
    if (_codec == null) {
      _codec = message<Ask>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.id != null && obj.id !== 0)) {
          w.uint32(8)
          w.uint32(obj.id)
        }

        if (obj.runs != null && obj.runs.length > 0) {
          for (const value of obj.runs) {
            w.uint32(16)
            w.uint32(value)
          }
        }

        if ((obj.maxBytes != null && obj.maxBytes !== 0)) {
          w.uint32(24)
          w.uint32(obj.maxBytes)
        }

        if ((obj.siblings != null && obj.siblings !== 0)) {
          w.uint32(32)
          w.uint32(obj.siblings)
        }

        if ((obj.inOrder != null && obj.inOrder !== false)) {
          w.uint32(40)
          w.bool(obj.inOrder)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          id: 0,
          runs: [],
          maxBytes: 0,
          siblings: 0,
          inOrder: false
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
              if (opts.limits?.runs != null && obj.runs.length === opts.limits.runs) {
                throw new MaxLengthError('Decode error - repeated field "runs" had too many elements')
              }

              if (obj.runs.length === 1024) {
                throw new MaxLengthError('Decode error - repeated field "runs" had too many elements')
              }

              obj.runs.push(reader.uint32())
              break
            }
            case 3: {
              obj.maxBytes = reader.uint32()
              break
            }
            case 4: {
              obj.siblings = reader.uint32()
              break
            }
            case 5: {
              obj.inOrder = reader.bool()
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
          runs: 1024
        }

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
              if (opts.limits?.runs != null && obj.runs === opts.limits.runs) {
                throw new MaxLengthError('Streaming decode error - repeated field "runs" had too many elements')
              }

              if (obj.runs === 1024) {
                throw new MaxLengthError('Streaming decode error - repeated field "runs" had too many elements')
              }

              yield {
                field: `${prefix}.runs[]`,
                index: obj.runs,
                value: reader.uint32()
              }

              obj.runs++

              break
            }
            case 3: {
              yield {
                field: `${prefix}.maxBytes`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.siblings`,
                value: reader.uint32()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.inOrder`,
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

  export interface AskIdFieldEvent {
    field: '$.id'
    value: number
  }

  export interface AskRunsFieldEvent {
    field: '$.runs[]'
    index: number
    value: number
  }

  export interface AskMaxBytesFieldEvent {
    field: '$.maxBytes'
    value: number
  }

  export interface AskSiblingsFieldEvent {
    field: '$.siblings'
    value: number
  }

  export interface AskInOrderFieldEvent {
    field: '$.inOrder'
    value: boolean
  }

  export function encode (obj: Partial<Ask>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Ask.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Ask>): Ask {
    return decodeMessage(buf, Ask.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Ask>): Generator<AskIdFieldEvent | AskRunsFieldEvent | AskMaxBytesFieldEvent | AskSiblingsFieldEvent | AskInOrderFieldEvent> {
    return streamMessage(buf, Ask.codec(), opts)
  }
}

export interface Answer {
  id: number
  pieces: Piece[]
}

export namespace Answer {
  let _codec: Codec<Answer>

  export const codec = (): Codec<Answer> => {
    if (_codec == null) {
      _codec = message<Answer>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.id != null && obj.id !== 0)) {
          w.uint32(8)
          w.uint32(obj.id)
        }

        if (obj.pieces != null && obj.pieces.length > 0) {
          for (const value of obj.pieces) {
            w.uint32(18)
            Piece.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          id: 0,
          pieces: []
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
              if (opts.limits?.pieces != null && obj.pieces.length === opts.limits.pieces) {
                throw new MaxLengthError('Decode error - repeated field "pieces" had too many elements')
              }

              if (obj.pieces.length === 256) {
                throw new MaxLengthError('Decode error - repeated field "pieces" had too many elements')
              }

              obj.pieces.push(Piece.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.pieces$
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
          pieces: 256
        }

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
              if (opts.limits?.pieces != null && obj.pieces === opts.limits.pieces) {
                throw new MaxLengthError('Streaming decode error - repeated field "pieces" had too many elements')
              }

              if (obj.pieces === 256) {
                throw new MaxLengthError('Streaming decode error - repeated field "pieces" had too many elements')
              }

              for (const evt of Piece.codec().stream(reader, reader.uint32(), `${prefix}.pieces[]`, {
                limits: opts.limits?.pieces$
              })) {
                yield {
                  ...evt,
                  index: obj.pieces
                }
              }

              obj.pieces++

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

  export interface AnswerIdFieldEvent {
    field: '$.id'
    value: number
  }

  export interface AnswerPiecesLeafFieldEvent {
    field: '$.pieces[].leaf'
    value: number
    index: number
  }

  export interface AnswerPiecesDataFieldEvent {
    field: '$.pieces[].data'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export function encode (obj: Partial<Answer>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Answer.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Answer>): Answer {
    return decodeMessage(buf, Answer.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Answer>): Generator<AnswerIdFieldEvent | AnswerPiecesLeafFieldEvent | AnswerPiecesDataFieldEvent> {
    return streamMessage(buf, Answer.codec(), opts)
  }
}

export interface Piece {
  leaf: number
  data: Uint8Array<ArrayBuffer>
}

export namespace Piece {
  let _codec: Codec<Piece>

  export const codec = (): Codec<Piece> => {
    if (_codec == null) {
      _codec = message<Piece>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.leaf != null && obj.leaf !== 0)) {
          w.uint32(8)
          w.uint32(obj.leaf)
        }

        if ((obj.data != null && obj.data.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.data)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          leaf: 0,
          data: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.leaf = reader.uint32()
              break
            }
            case 2: {
              obj.data = reader.bytes()
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
                field: `${prefix}.leaf`,
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

  export interface PieceLeafFieldEvent {
    field: '$.leaf'
    value: number
  }

  export interface PieceDataFieldEvent {
    field: '$.data'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Piece>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Piece.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Piece>): Piece {
    return decodeMessage(buf, Piece.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Piece>): Generator<PieceLeafFieldEvent | PieceDataFieldEvent> {
    return streamMessage(buf, Piece.codec(), opts)
  }
}

export interface Siblings {
  siblings: Sibling[]
}

export namespace Siblings {
  let _codec: Codec<Siblings>

  export const codec = (): Codec<Siblings> => {
    if (_codec == null) {
      _codec = message<Siblings>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.siblings != null && obj.siblings.length > 0) {
          for (const value of obj.siblings) {
            w.uint32(10)
            Sibling.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          siblings: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.siblings != null && obj.siblings.length === opts.limits.siblings) {
                throw new MaxLengthError('Decode error - repeated field "siblings" had too many elements')
              }

              if (obj.siblings.length === 256) {
                throw new MaxLengthError('Decode error - repeated field "siblings" had too many elements')
              }

              obj.siblings.push(Sibling.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.siblings$
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
          siblings: 256
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.siblings != null && obj.siblings === opts.limits.siblings) {
                throw new MaxLengthError('Streaming decode error - repeated field "siblings" had too many elements')
              }

              if (obj.siblings === 256) {
                throw new MaxLengthError('Streaming decode error - repeated field "siblings" had too many elements')
              }

              for (const evt of Sibling.codec().stream(reader, reader.uint32(), `${prefix}.siblings[]`, {
                limits: opts.limits?.siblings$
              })) {
                yield {
                  ...evt,
                  index: obj.siblings
                }
              }

              obj.siblings++

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

  export interface SiblingsSiblingsPeerFieldEvent {
    field: '$.siblings[].peer'
    value: string
    index: number
  }

  export interface SiblingsSiblingsAddressesFieldEvent {
    field: '$.siblings[].addresses[]'
    index: number
    value: string
  }

  export function encode (obj: Partial<Siblings>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Siblings.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Siblings>): Siblings {
    return decodeMessage(buf, Siblings.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Siblings>): Generator<SiblingsSiblingsPeerFieldEvent | SiblingsSiblingsAddressesFieldEvent> {
    return streamMessage(buf, Siblings.codec(), opts)
  }
}

export interface Sibling {
  peer: string
  addresses: string[]
}

export namespace Sibling {
  let _codec: Codec<Sibling>

  export const codec = (): Codec<Sibling> => {
    if (_codec == null) {
      _codec = message<Sibling>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.peer != null && obj.peer !== '')) {
          w.uint32(10)
          w.string(obj.peer)
        }

        if (obj.addresses != null && obj.addresses.length > 0) {
          for (const value of obj.addresses) {
            w.uint32(18)
            w.string(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          peer: '',
          addresses: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.peer = reader.string()
              break
            }
            case 2: {
              if (opts.limits?.addresses != null && obj.addresses.length === opts.limits.addresses) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              if (obj.addresses.length === 16) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              obj.addresses.push(reader.string())
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
          addresses: 16
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.peer`,
                value: reader.string()
              }
              break
            }
            case 2: {
              if (opts.limits?.addresses != null && obj.addresses === opts.limits.addresses) {
                throw new MaxLengthError('Streaming decode error - repeated field "addresses" had too many elements')
              }

              if (obj.addresses === 16) {
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

  export interface SiblingPeerFieldEvent {
    field: '$.peer'
    value: string
  }

  export interface SiblingAddressesFieldEvent {
    field: '$.addresses[]'
    index: number
    value: string
  }

  export function encode (obj: Partial<Sibling>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Sibling.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Sibling>): Sibling {
    return decodeMessage(buf, Sibling.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Sibling>): Generator<SiblingPeerFieldEvent | SiblingAddressesFieldEvent> {
    return streamMessage(buf, Sibling.codec(), opts)
  }
}
