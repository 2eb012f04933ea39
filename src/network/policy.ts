/**
 * Every parameter of the public swarm's decisions: what is chosen, not what protects (that stands in
 * domain/bounds.ts). Chosen in the simulation (test/simulation/network). Sizes in bytes, times in
 * milliseconds.
 */
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const NETWORK_POLICY = {
  // ---- scores
  /** Half of what a node gave counts after this long, half of how often it failed after that. */
  bytesHalfLifeMs: 24 * HOUR_MS,
  failuresHalfLifeMs: HOUR_MS,
  /** Nothing between two sightings further apart counts as having been there. */
  presenceGapMs: 15 * MINUTE_MS,
  /** So many bytes, or so much time, are half of what can be had for them. */
  servedAtHalfBytes: 64 << 20,
  uptimeAtHalfMs: 6 * HOUR_MS,
  /** After a lie, doubled with each further one up to the second. */
  shunnedMs: 24 * HOUR_MS,
  shunnedAtMostMs: 30 * 24 * HOUR_MS,

  // ---- upload slots
  /** Under congestion, what those get together who have given nothing, each network an equal part. */
  newcomersShare: 0.2,
  /** Who gave less is a newcomer. */
  newcomerBytes: 1 << 20,
  /** A byte given weighs as much as this many received: over that, a peer takes more than it gives. */
  generosity: 4,
  /** An answer costs so much of a turn beside its bytes. */
  turnBytes: 16 << 10,
  /** An answer that did not move for so long leaves its slot to others. */
  heldPlaceMs: 3_000,

  // ---- choosing providers
  latencyAtFirstMs: 150,
  /** Upstream's, and what a provider is taken to send before it was measured. */
  bytesPerMsAtFirst: 1_000,
  /** Shorter answers say nothing of a provider's rate. */
  measuredBytes: 64 << 10,
  /** A rate is taken from what came in so long at least. */
  sampleMs: 100,
  /** In a smoothed mean the newest counts this much. */
  newest: 0.3,
  /** A node heard of this lately is there; after more it counts as so much farther. */
  heartbeatMs: 10 * MINUTE_MS,
  staleFactor: 2,
  /** One choice in so many goes to somebody at random: who is never asked is never measured. */
  explore: 16,
  /** Asked of one provider: what it sends in this time. */
  pipelineMs: 400,
  runMs: 150,
  runPiecesAtUpstream: 64,
  /** Late is twice what it takes as a rule, plus four times how that varies, but at least so long. */
  hedgeAtLeastMs: 120,
  hedgeAtMostMs: 1_500,
  asksPerPiece: 2,
  /** When all that is missing is asked for, it is looked at so often whether somebody else is quicker. */
  endLookMs: 250,
  /**
   * Upstream is asked too when no owner was found by now, when an owner was and no byte came for so
   * long, or when bytes came and then none for so long.
   */
  officialAfterMs: 1_000,
  officialAfterFoundMs: 900,
  officialAfterByteMs: 600,
  /** While the swarm answers other questions a search has longer: it waits behind those. */
  officialAfterBusyMs: 3_000,
  /** When a plan begins, all of it is looked for at once: what has not begun to come is waited for so long. */
  officialAfterPlanMs: 2_000,
  /** Who comes so late to look was stopped itself, and calls nobody silent before as long again. */
  stalledMs: 50,
  /** It is asked too where the swarm is this much slower than upstream was of late, or than this. */
  slowerThanOfficial: 3,
  slowBytesPerMs: 64,
  /** What a provider sends of late is looked at over about so long. */
  flowMs: 1_000,
  /** Rates are looked at after this. */
  rateAfterMs: 1_500,

  // ---- lookups
  /** Nodes asked at once. */
  alpha: 4,
  /** The nearest that answered: when this many are known and no nearer ones, a walk has come to its end. */
  nearest: 8,
  /** How many of a key's nearest nodes are given a record. */
  replicas: 8,
  /** Beside them, of the heavy nodes that are known the nearest. */
  heavyReplicas: 2,
  /** Enough owners, of enough networks, and the walk ends early. */
  owners: 6,
  ownerGroups: 3,
  /** Who has not answered by then no longer holds up the next. */
  slowAnswerMs: 400,
  /** What is asked of one node within this goes in one message; so many are on their way at once. */
  gatherMs: 10,
  questionsToOne: 2,
  /** The DHTs are asked for what a walk has not found by then. */
  directoryAfterMs: 250,
  /** Of a walk's open candidates, what may have come from one answer. */
  candidatesOfOneAnswer: 8,
  candidates: 64,

  // ---- routing table
  /** A node that answered this lately is given to others. */
  provenMs: 2 * HOUR_MS,
  /** A node that has been there for so long shows others what public indexes say. */
  stableMs: 6 * HOUR_MS,
  /** A node that was not heard of for three heartbeats is not asked in lookups while others are there. */
  aliveMs: 15 * MINUTE_MS,
  /** Failures in a row after which a node gives way. */
  failures: 2,
  /** A full bucket's slowest gives way to one that is this many times nearer, but never its oldest half. */
  nearerFactor: 2,
  heartbeatEveryMs: 5 * MINUTE_MS,
  announceEveryMs: HOUR_MS,
  /** Not heard of in so long, it is asked whether it is there. */
  probeAfterMs: HOUR_MS,
  probesAtOnce: 8,
  /** Buckets that nothing was looked up in for so long are looked up in. */
  refreshAfterMs: HOUR_MS,

  // ---- neighbours
  /** Nodes that one stays connected with, and how often it is looked whether others are better. */
  neighbours: 12,
  neighboursEveryMs: 10 * MINUTE_MS,
  /** Of these the nearest by round trip; the others are drawn, so that the network hangs together. */
  nearNeighbours: 6,
  /** Fewer connections than this, and first peers are looked for again. */
  lonely: 3,
  saveEveryMs: MINUTE_MS,
  /** Those that were written down are tried again so often, where nobody is known any more, or few are. */
  recallAloneMs: 20_000,
  recallEveryMs: 5 * MINUTE_MS,
  /** Addresses that changed are told, but no sooner after the last time. */
  movedPauseMs: MINUTE_MS,

  // ---- keeping
  /** Asked for so long ago, a request counts half. */
  demandHalfLifeMs: 7 * 24 * HOUR_MS,
  copiesWanted: 3,
  /** Each copy fewer than wanted makes one worth so many times more. */
  rareWorth: 4,
  /** What nobody asked for of late is taken to be asked for so often. */
  demandOfNobody: 0.05,
  /** Of the quota is kept free for what comes next. */
  headroom: 0.05,
  /** So often a heavy node looks for what too few have, and takes what is not known to be so long. */
  replicateEveryMs: 15 * MINUTE_MS,
  unsizedBytes: 1 << 20,
  republishMs: 12 * HOUR_MS,
  publishPauseMs: MINUTE_MS,
  /** After something came, or somebody was met, so that what comes together is told together. */
  firstTurnMs: 5_000,
  /** What fewer nodes took is told anew in the next life. */
  rememberedTakers: 3,
  /** A node has stated its addresses by then, and sees whether they are those that it told of before. */
  addressesSettleMs: 2 * MINUTE_MS,
} as const;
