import type { HeldView } from '../../ports/ecosystem.js';
import { rootHtml, rootJson } from './simple-pages.js';

export interface RootPage {
  html: Buffer;
  json: Buffer;
}

/** The pages of all projects' names, of one view at a time: they are megabytes where there are many. */
export class RootPages {
  #kept: { view: HeldView; generation: string; page: RootPage } | undefined;

  of(view: HeldView): RootPage {
    const generation = view.generation?.();
    const kept = this.#kept;
    if (kept !== undefined && kept.view === view && kept.generation === generation)
      return kept.page;
    const names = [...view.names('pypi')];
    const page = { html: Buffer.from(rootHtml(names)), json: Buffer.from(rootJson(names)) };
    // A view that does not say when it changes is read anew each time.
    if (generation !== undefined) this.#kept = { view, generation, page };
    return page;
  }
}
