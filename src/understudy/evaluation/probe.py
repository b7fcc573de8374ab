"""Fixed everyday text on which a tuned model should still speak like its base."""

from __future__ import annotations

PROBE = (
    "Water boils at a lower temperature on a high mountain because the air pressure there is lower.",
    "Dear Ms Novak, thank you for your letter of the third of May. We are glad to confirm your booking.",
    "To make a simple soup, fry an onion in butter, add diced potatoes and stock, and cook it all slowly.",
    "The function returns a sorted copy of the list. It does not change the list that was passed in.",
    "def area(width, height):\n    return width * height\n\nprint(area(3, 4))",
    "If a train travels at 80 kilometres an hour for three hours, it covers 240 kilometres.",
    "The committee met on Tuesday to discuss the budget for the coming year. No decision was reached.",
    "Once upon a time there was a miller who had three sons, a mill, a donkey and a cat.",
    "Question: What is the capital of France?\nAnswer: The capital of France is Paris.",
    "A square has four equal sides and four right angles. Every square is a rectangle.",
    "She closed the door quietly, put on her coat and walked down to the harbour before sunrise.",
    "SELECT name, price FROM products WHERE price < 100 ORDER BY name;",
    "Plants take up carbon dioxide from the air and, with the help of sunlight, turn it into sugar.",
    "First unplug the device. Then remove the four screws on the back and lift the cover.",
    "The meeting was moved to Friday because two of the speakers could not travel in time.",
    "In the list below, the first column is the name of the file and the second one its size in bytes.",
)
