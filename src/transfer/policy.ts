/**
 * Who asks whom for what, in numbers: every parameter of the scheduler. What depends on the speed of
 * the line is a time here, and multiplied by what is measured. Chosen in the simulation
 * (test/simulation), where 7 and 31 clients on even links come closest to the limit with them.
 */
export const POLICY = {
  // ---- asking
  /** Open requests at a source; more where it answers so fast that two leave the line idle. */
  requestsPerSource: 2,
  requestsPerPeer: 16,
  /** Requests at one peer go on until what it sends in this time is asked for: its delay and a little more. */
  pipelineMs: 300,
  pipelineAtSourceMs: 100,
  /** Over this many in all, and beyond what is in flight, an urgent piece is still asked for. */
  requestsForUrgent: 2,
  /**
   * Asked of siblings and not arrived: what arrives in `inFlightMs`. Deeper queues bind pieces to
   * peers that will send them late, and make haves old before they are used.
   */
  bytesInFlight: 64 << 20,
  bytesInFlightAtLeast: 1 << 20,
  bytesInFlightAtFirst: 4 << 20,
  inFlightMs: 1_000,
  rateWindowMs: 1_000,
  /** A request is for what arrives in this time: a piece on slow lines, a megabyte on fast ones. */
  runMs: 80,
  /** When nothing good came from anybody this long, older requests keep nothing from others. */
  starvedMs: 8_000,
  /** How much later a request to a sibling is due that sends bytes, but no verified piece. */
  slowMs: 40_000,
  /** Requests in a row that a peer may let pass before it is left. */
  requestsUnanswered: 3,
  /** Arrived and not yet on disk. */
  bytesBeingStored: 16 << 20,
  /** How many candidates a pick compares: exact below that, a random sample above. */
  candidates: 1024,

  /** The last bytes are asked for piece by piece, and from a second peer where the first is late. */
  tailMs: 1_300,
  tailAtLeastBytes: 2 << 20,
  /** Late is what takes this many times what answers take, and at least so long. */
  lateAnswers: 3,
  duplicateAfterMs: 500,
  duplicateAtSourceAfterMs: 1_500,
  asksPerLeaf: 2,
  /** Outside the tail a piece that is this late may be asked for twice too. */
  lateMs: 4_000,
  /** A sibling that has not answered a request for so long is asked for no more meanwhile… */
  stuckMs: 1_500,
  /** …and after so long, or that long towards the end, others are asked, and have its room. */
  writtenOffMs: 6_000,

  /**
   * Changes of what is held are told together, this far apart where so much came meanwhile, and else
   * later: each telling is a message to every peer, most of all that is said. The first ones are not
   * so far apart: what is short is over then, and it is these that make it so.
   */
  tellMs: 25,
  tellBytes: 2 << 20,
  tellAtMostMs: 100,
  tellsAtFirst: 64,
  tellLaterMs: 250,

  // ---- giving
  /**
   * Of answers, so much is under way at once as arrives in `underWayMs`, as deep as the queues of those who wait for it: little, so that each is soon
   * whole and can be given on…
   */
  underWayMs: 1_000,
  underWayAtLeastBytes: 4 << 20,
  /** How long is measured; the first time shorter, since until then little is sent. */
  uploadRateMs: 500,
  firstUploadRateMs: 100,
  uploadsPerPeer: 2,
  /** …beside one for each peer that got nothing yet, and without those that take longer than this… */
  slowUploadMs: 1_000,
  /** …up to so many that the network has not taken. */
  uploadsInAll: 64,
  /** More unanswered requests than this from one peer is abuse. */
  requestsQueued: 64,
  /** A peer that keeps what it was given to itself, so many milliseconds of the line, counts half. */
  unspreadMs: 500,
  unspreadAtLeastBytes: 1 << 20,
  weightAtLeast: 1 / 64,
  /** What an answer costs of a turn beside its bytes. */
  turnBytes: 16 << 10,

  /** A client alone gets `shareAlone` of what it lacks, then the rest when this has passed. */
  rendezvousMs: 1_500,
  /** A peer that fetches a bundle's metadata will soon pull its pieces: waited for this long. */
  expectedMs: 4_000,
  shareAlone: 0.5,
  /** With others there: what one client may get of pieces that nobody else has. */
  shareOfFresh: 0.6,
  /** All the waiting that the two shares may cost one client, ever. */
  patienceMs: 4_000,
  /** Others that asked for nothing this long are not waited for. */
  othersIdleMs: 3_000,

  /** A piece that a sibling has or will have is sent again after what so many bytes take to leave… */
  repeatAfterBytes: 32 << 20,
  repeatAtLeastMs: 500,
  repeatAtMostMs: 2_500,
  /** …and to a client that does get pieces elsewhere, where two have it, this much later. */
  repeatMuchLaterMs: 30_000,
  /** A peer that asks on this long after it was sent everything has not got all of it. */
  givenForgottenMs: 10_000,
  stalledMs: 1_500,
  /** A client that has found no sibling by now cannot reach one. */
  linkMs: 2_000,
  /** How long an open request may stay unanswered before an empty answer says "still here". */
  holdMs: 8_000,
  retryMs: 100,
} as const;
