// Packages by name: which are versions of one another.

/** The name without its numbers: packages of one family are versions of one another, `wesnoth-1.16-httt` and `wesnoth-1.18-httt`. */
export const familyOf = (name: string): string => name.replaceAll(/\d+(?:\.\d+)*/g, '#');
