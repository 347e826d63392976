import qrcode from "qrcode-generator";

/** Light modules around the code (ISO/IEC 18004 §5.3.8). */
const QUIET_ZONE = 4;
/** Black on white whatever the terminal's colours are, and back to those. */
const COLOURS = { begin: "\x1b[30;107m", end: "\x1b[0m" };

/**
 * A QR code as text, two modules to a character.
 *
 * @param colours set them by escape sequences, for a terminal; else light modules are drawn, which
 *   suits a dark background
 */
export function qrCode(text: string, colours: boolean): string {
  const code = qrcode(0, "L");
  code.addData(text);
  code.make();
  const size = code.getModuleCount();
  const isInside = (at: number) => at >= 0 && at < size;
  // Drawn is what has the colour of the text: dark with colours, else light.
  const isDrawn = (row: number, column: number) =>
    (isInside(row) && isInside(column) && code.isDark(row, column)) === colours;
  const lines: string[] = [];
  for (let row = -QUIET_ZONE; row < size + QUIET_ZONE; row += 2) {
    let line = "";
    for (let column = -QUIET_ZONE; column < size + QUIET_ZONE; column++) {
      const [upper, lower] = [isDrawn(row, column), isDrawn(row + 1, column)];
      line += upper ? lower ? "█" : "▀" : lower ? "▄" : " ";
    }
    lines.push(colours ? `${COLOURS.begin}${line}${COLOURS.end}\n` : `${line}\n`);
  }
  return lines.join("");
}
