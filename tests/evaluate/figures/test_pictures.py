"""The picture of confusion matrices."""

from langit.evaluate.figures.pictures import confusion_picture


def test_the_diagonal_is_dark_and_the_rest_is_white() -> None:
    classes = {"sky": ("day", "night"), "ground": ("sand", "snow", "grass")}
    sure = confusion_picture({"sky": [[5, 0], [0, 5]]}, classes)
    unsure = confusion_picture({"sky": [[3, 2], [2, 3]]}, classes)
    blue = (24, 92, 170)

    def dark(picture: object) -> int:
        return sum(count for count, colour in picture.getcolors(1 << 20) if colour == blue)

    assert dark(sure) > 1000
    assert dark(unsure) == 0
    both = confusion_picture({"sky": [[1, 0], [0, 0]], "ground": [[1, 0, 0]] * 3}, classes)
    assert both.width > sure.width
