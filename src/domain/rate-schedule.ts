/** How many bytes may pass in a second; undefined: as many as the line takes. */
export type BytesPerSecond = number | undefined;

/** From one minute of the day until another, over midnight where that is the smaller. */
export interface RateWindow {
  fromMinute: number;
  untilMinute: number;
  rate: BytesPerSecond;
}

export interface RateSchedule {
  /** Outside the windows. */
  otherwise: BytesPerSecond;
  /** Where two hold, the first does. */
  windows: readonly RateWindow[];
}

/** @param minuteOfDay of the machine's own time, from 0. */
export function rateAt({ otherwise, windows }: RateSchedule, minuteOfDay: number): BytesPerSecond {
  const window = windows.find(({ fromMinute, untilMinute }) =>
    fromMinute < untilMinute
      ? minuteOfDay >= fromMinute && minuteOfDay < untilMinute
      : minuteOfDay >= fromMinute || minuteOfDay < untilMinute,
  );
  return window === undefined ? otherwise : window.rate;
}
