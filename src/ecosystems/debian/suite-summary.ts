/** What a bundle's list of suites says of each. */
export interface SuiteSummary {
  suite: string;
  components: string[];
  architectures: string[];
}

/** Where that list lies in a bundle. */
export const SUITES_PATH = 'debian/suites.json';
