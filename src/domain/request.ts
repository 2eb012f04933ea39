import type { Did } from './bundle.js';
import type { HeldSet } from './held-set.js';
import type { EcosystemName, JsonObject } from './plan.js';

/**
 * What each ecosystem says of the isolated machine beyond the target's own text (Debian: what dpkg
 * has installed, architectures, sources). Its own affair: the frame carries it, signed and bounded.
 */
export type TargetSections = Partial<Record<EcosystemName, JsonObject>>;

/** What a machine says of itself in a request file: what it is, and what it holds. */
export interface MachineRequest {
  /** Whose key signed it. */
  requester: Did;
  /** ISO 8601, by the machine's own clock. */
  createdAt: string;
  /** The target's canonical string. */
  target: string;
  sections: TargetSections;
  /** The bundles that are there, for people: what is missing is decided by `held` alone. */
  bundles: { name: string; source: Did; version: number }[];
  held: HeldSet;
  /** What was asked for there and is in no bundle, the most asked for first. */
  wishes: Wished[];
}

/** A package by its name. */
export interface Wished {
  ecosystem: EcosystemName;
  name: string;
}
