/** What a bundle's list of suites says of each. */
export interface SuiteSummary {
  suite: string;
  components: string[];
  architectures: string[];
  /** Codenames of the releases that its packages were resolved for; undefined where none was named. */
  releases?: string[] | undefined;
}

/** Where that list lies in a bundle. */
export const SUITES_PATH = 'debian/suites.json';
