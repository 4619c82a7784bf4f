// A picture of Blackjack: the dealer's cards above, those of the player below with their sum.
import type { Frame } from '../../environment.ts';
import { BLACK, Canvas, type Colour, WHITE } from '../draw/canvas.ts';
import { drawText } from '../draw/glyphs.ts';

const [CARD_WIDTH, CARD_HEIGHT] = [70, 100];
const RED: Colour = [200, 30, 40];

export interface Table {
  /** C, D, H or S, and how the dealer's first card looks. */
  shown: { suit: string; face: string };
  dealer: readonly number[];
  /** Otherwise only the dealer's first card is seen. */
  isOver: boolean;
  player: readonly number[];
  sum: number;
  usableAce: boolean;
}

export function drawTable({ shown, dealer, isOver, player, sum, usableAce }: Table): Frame {
  const canvas = new Canvas(600, 500, [7, 99, 36]);
  const gap = (count: number) => Math.min(CARD_WIDTH + 10, (canvas.width - 60 - CARD_WIDTH) / Math.max(1, count - 1));
  for (const [i, card] of dealer.entries()) {
    const x = 30 + i * gap(dealer.length);
    if (i > 0 && !isOver) drawBack(canvas, x, 40);
    else drawCard(canvas, x, 40, i === 0 ? shown.face : faceOf(card), i === 0 ? shown.suit : '');
  }
  for (const [i, card] of player.entries()) drawCard(canvas, 30 + i * gap(player.length), 210, faceOf(card), '');
  drawText(canvas, String(sum), canvas.width / 2, 410, 12, WHITE);
  if (usableAce) drawText(canvas, 'A', canvas.width / 2 + 120, 410, 6, [240, 220, 90]);
  return canvas.frame();
}

const faceOf = (card: number) => (card === 1 ? 'A' : String(card));

function drawBack(canvas: Canvas, x: number, y: number): void {
  canvas.rectangle(x, y, CARD_WIDTH, CARD_HEIGHT, WHITE);
  canvas.rectangle(x + 6, y + 6, CARD_WIDTH - 12, CARD_HEIGHT - 12, [50, 80, 160]);
}

function drawCard(canvas: Canvas, x: number, y: number, face: string, suit: string): void {
  canvas.rectangle(x, y, CARD_WIDTH, CARD_HEIGHT, WHITE);
  const colour = suit === 'D' || suit === 'H' ? RED : BLACK;
  drawText(canvas, face, x + CARD_WIDTH / 2, y + (suit === '' ? 50 : 30), 4, colour);
  if (suit !== '') drawSuit(canvas, suit, x + CARD_WIDTH / 2, y + 72, 16, colour);
}

/** Clubs, diamonds, hearts and spades, of triangles and circles. */
function drawSuit(canvas: Canvas, suit: string, x: number, y: number, size: number, colour: Colour): void {
  const triangle = (from: number, to: number, width: number) =>
    canvas.polygon(
      [
        [x, y + from],
        [x - width, y + to],
        [x + width, y + to],
      ],
      colour,
    );
  if (suit === 'D') {
    triangle(-size, 0, size * 0.7);
    triangle(size, 0, size * 0.7);
    return;
  }
  const circles = (height: number, apart: number, radius: number) => {
    canvas.circle(x - apart, y + height, radius, colour);
    canvas.circle(x + apart, y + height, radius, colour);
  };
  if (suit === 'H') {
    circles(-size * 0.35, size * 0.42, size * 0.45);
    triangle(size, -size * 0.15, size * 0.82);
    return;
  }
  if (suit === 'S') triangle(-size, size * 0.35, size * 0.8);
  else canvas.circle(x, y - size * 0.45, size * 0.42, colour);
  circles(size * 0.3, size * 0.4, size * 0.42);
  triangle(0, size, size * 0.3);
}
