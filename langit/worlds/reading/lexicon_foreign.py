"""Small lexicons of German, Japanese and Chinese: enough to name a thing, what it does, and where.

Rows and kinds are those of `lexicon.py`. Accents and case do not matter; Chinese and Japanese are matched character by
character.
"""

from __future__ import annotations

FOREIGN: dict[str, dict[str, dict[str, str]]] = {
    "de": {
        "shape": {
            "ball": "ball, bälle, kugel[/n]",
            "cube": "würfel[/n/s], kasten, kiste[/n], block, box",
            "cone": "kegel[/n/s]",
            "cylinder": "zylinder[/n/s], säule[/n], röhre[/n], rohr",
            "ring": "ring[/e/s/es], reifen",
        },
        "colour": {
            "red": "rot[/e/er/es/en/em]",
            "orange": "orange[/n/r/s/ne/ner/nes/nen], orangefarbene[/r/s/n]",
            "yellow": "gelb[/e/er/es/en/em]",
            "green": "grün[/e/er/es/en/em]",
            "blue": "blau[/e/er/es/en/em]",
            "purple": "lila, violett[/e/er/es/en/em], purpurne[/r/s/n]",
            "white": "weiß[/e/er/es/en/em]",
        },
        "ground": {
            "checkers": "schachbrett, fliesen, kachelboden, karierte[/n/m/r] boden, schachbrettboden",
            "snow": "schnee, verschneit[/e/er/en], schneebedeckt[/e/er/en]",
            "sand": "sand, strand, wüste, düne[/n]",
            "grass": "gras, wiese, rasen",
        },
        "sky": {
            "day": "tag, tags, tagsüber, mittag[/s], morgen[/s], sonnig[/e/er/en], blauer himmel, blauem himmel,"
            " tageslicht",
            "sunset": "sonnenuntergang, abend, abends, dämmerung, abendlicht, abendrot",
            "night": "nacht, nachts, mitternacht, mond, mondlicht, mondschein, dunkel, dunkelheit",
        },
        "action": {
            "falls": "fällt, fallen, fallend[/e/er/es], springt auf und ab, prallt auf, hüpft auf",
            "moves": "rollt, rollen, rollend[/e/er/es], gleitet, bewegt sich, rutscht, geht, kommt, fährt",
            "spins": "dreht sich, dreht, drehend[/e/er/es], rotiert, kreiselt, sich drehend[/e/er/es]",
            "jumps": "springt, springen, springend[/e/er/es], hüpft, hüpfend[/e/er/es]",
            "collides": "trifft, stößt, rammt, prallt gegen, kollidiert, schubst",
            "collided": "getroffen von, gerammt von",
            "still": "steht still, still, liegt, unbewegt, ruht, bewegt sich nicht, steht",
        },
        "camera": {
            "static": "feste kamera, feststehende kamera, starre kamera",
            "pan": "schwenk[/t]",
            "zoom": "zoom[/t]",
        }
        | {"zoom in": "zoomt heran, zoomt hinein", "zoom out": "zoomt heraus"},
        "lens": {"": "kamera"},
        "near": {
            "zoom in/": "nähert sich, kommt näher",
            "zoom out/": "entfernt sich, fährt zurück",
            "orbit/moves": "umkreist, kreist",
        },
        "way": {"left": "links", "right": "rechts"},
        "from": {"left": "von links", "right": "von rechts"},
        "at": {"left": "links von, links neben", "right": "rechts von, rechts neben"},
        "and": {"": "und, während, dann"},
        "not": {"": "ohne, kein[/e/en/er/em/es], nie, niemals, weder, außer, statt, anstatt"},
        "after-not": {"": "nicht"},
        "more": {"": "ander[e/en/er/es], zweite[/n/r]"},
        "or": {"": "oder, noch"},
        "word": {
            "": "ein, eine, einen, einem, einer, eines, der, die, das, den, dem, des, in, im, ins, auf, am, an,"
            " bei, mit, nach,"
            " zu, zur, zum, ist, neben, einem, unter, über, video, film, von, es, boden, himmel, sich, wird,"
            " vom, durch, gegen,"
            " sonne, sehr, hin, vor"
        },
    },
    "ja": {
        "shape": {
            "ball": "ボール, 球, 玉, 球体",
            "cube": "立方体, キューブ, 箱, ブロック, サイコロ",
            "cone": "円錐, コーン, 円すい",
            "cylinder": "円柱, 円筒, シリンダー, 筒",
            "ring": "リング, 輪, 輪っか, 指輪, 円環",
        },
        "colour": {
            "red": "赤, 赤い, 赤色, 真っ赤",
            "orange": "オレンジ, オレンジ色, 橙, 橙色",
            "yellow": "黄, 黄色, 黄色い",
            "green": "緑, 緑色, 緑の",
            "blue": "青, 青い, 青色",
            "purple": "紫, 紫色, 紫の",
            "white": "白, 白い, 白色, 真っ白",
        },
        "ground": {
            "checkers": "市松模様, チェス盤, タイル, チェック柄, チェックの床",
            "snow": "雪, 雪原, 雪の上",
            "sand": "砂, 砂漠, 砂浜, 砂の上, 浜辺",
            "grass": "草, 芝生, 草原, 草の上, 草地",
        },
        "sky": {
            "day": "昼, 昼間, 日中, 青空, 青空の下, 朝, 晴れ",
            "sunset": "夕方, 夕暮れ, 夕焼け, 日没, 夕日",
            "night": "夜, 夜に, 月夜, 月, 夜空, 真夜中, 月明かり",
        },
        "action": {
            "falls": "落ちる, 落ちて, 落下, 落下する, 弾む, 弾んで, バウンド",
            "moves": "転がる, 転がって, 転がり, 動く, 滑る, 滑って, 進む, 移動, 移動する",
            "spins": "回る, 回って, 回転, 回転する",
            "jumps": "跳ねる, 跳ねて, 跳ぶ, ジャンプ, ジャンプする, 飛び跳ねる",
            "collides": "ぶつかる, ぶつかって, 衝突, 衝突する, 当たる",
            "still": "止まっている, 静止, 静止している, 動かない, じっとしている",
        },
        "camera": {
            "static": "固定カメラ",
            "zoom": "ズーム",
            "zoom in": "ズームイン",
            "zoom out": "ズームアウト",
            "pan": "パン",
        },
        "lens": {"": "カメラ"},
        "way": {"left": "左, 左へ, 左に", "right": "右, 右へ, 右に"},
        "from": {"left": "左から", "right": "右から"},
        "after-not": {"": "ない, なし, ません, 以外"},
        "and": {"": "と, そして"},
        "joint": {"": "の, い, な, 色の, 色"},
        "word": {
            "": "が, は, を, に, へ, で, も, て, いる, する, した, 上, 上で, の上で, の上に, の上, 中, 中で,"
            " から, まで, る, です, 動画, 一つ"
        },
    },
    "zh": {
        "shape": {
            "ball": "球, 圆球, 皮球, 球体, 圓球",
            "cube": "立方体, 方块, 盒子, 箱子, 立方體, 方塊",
            "cone": "圆锥, 圆锥体, 锥体, 圓錐",
            "cylinder": "圆柱, 圆柱体, 圓柱, 圆筒",
            "ring": "圆环, 环, 戒指, 圆圈, 圓環, 環",
        },
        "colour": {
            "red": "红, 红色, 紅, 紅色",
            "orange": "橙, 橙色, 橘色, 橘",
            "yellow": "黄, 黄色, 黃, 黃色",
            "green": "绿, 绿色, 綠, 綠色",
            "blue": "蓝, 蓝色, 藍, 藍色",
            "purple": "紫, 紫色",
            "white": "白, 白色",
        },
        "ground": {
            "checkers": "棋盘, 格子地板, 方格地板, 瓷砖, 棋盤",
            "snow": "雪, 雪地, 雪上",
            "sand": "沙, 沙漠, 沙滩, 沙地, 沙子, 沙灘",
            "grass": "草, 草地, 草坪, 草原",
        },
        "sky": {
            "day": "白天, 中午, 早晨, 蓝天, 晴天, 藍天",
            "sunset": "黄昏, 日落, 傍晚, 夕阳, 黃昏, 夕陽",
            "night": "夜, 夜晚, 晚上, 夜里, 月光, 月亮, 月光下, 半夜, 黑夜",
        },
        "action": {
            "falls": "落下, 掉落, 掉下, 下落, 坠落, 弹跳, 弹起, 反弹, 落",
            "moves": "滚动, 滚, 移动, 滑动, 滑, 滾動, 移動",
            "spins": "旋转, 转动, 转, 旋轉, 轉",
            "jumps": "跳, 跳跃, 跳动, 跳起, 跳躍",
            "collides": "撞, 撞到, 撞上, 碰撞, 撞击, 推",
            "collided": "被撞",
            "still": "静止, 不动, 静止不动, 靜止, 不動",
        },
        "camera": {"static": "固定镜头, 固定鏡頭", "zoom in": "拉近, 推近", "zoom out": "拉远, 拉遠"},
        "lens": {"": "镜头, 相机, 鏡頭, 摄像机"},
        "near": {"orbit/moves": "环绕", "pan/moves": "平移"},
        "way": {
            "left": "左, 向左, 往左, 到左, 左边, 向左边, 到左边",
            "right": "右, 向右, 往右, 到右, 右边, 向右边, 到右边",
        },
        "from": {"left": "从左, 从左边, 從左", "right": "从右, 从右边, 從右"},
        "not": {"": "不, 没有, 没, 无, 沒有, 除了, 别, 非"},
        "and": {"": "和, 与, 跟, 并"},
        "or": {"": "或, 或者"},
        "more": {"": "另一个, 另一個"},
        "joint": {"": "的, 色的, 色"},
        "word": {
            "": "一个, 个, 一, 在, 上, 里, 中, 地, 着, 了, 是, 到, 向, 往, 从, 下, 正在, 视频, 一颗, 只, 一只,"
            " 这, 那, 边, 時, 时"
        },
    },
}
