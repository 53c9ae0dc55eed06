/** What many properties of the API description are. */
export const MOMENT = { type: String, format: 'date-time', nullable: true } as const;
/** Of what is never null. */
export const KNOWN_MOMENT = { type: String, format: 'date-time' } as const;
export const WORD = { type: String, nullable: true } as const;
