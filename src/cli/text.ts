/** What is said on a terminal. */

/** Text out of files nobody vouches for, without the control characters that a terminal would obey. */
export const printable = (text: string): string => text.replace(/[^\n\P{Cc}]/gu, '\ufffd')

/** The same in one line. */
export const oneLine = (text: string): string =>
  printable(text)
    .split('\n')
    .map((l) => l.trim())
    .filter((l) => l !== '')
    .join('; ')
