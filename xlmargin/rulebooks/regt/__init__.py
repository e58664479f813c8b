"""Strategy-based margin of US options and shares: Regulation T, FINRA Rule 4210 and Cboe Rule 10.3."""
